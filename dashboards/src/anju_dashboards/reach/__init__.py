"""How people are reached outside: a person's own addresses, and a community's channels."""
