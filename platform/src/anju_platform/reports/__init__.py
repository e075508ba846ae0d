"""How a shift, a day or a month went: answers against targets, rules, gateways."""
