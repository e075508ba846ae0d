"""The canary: a synthetic event of each gateway that walks the whole way, and tells nobody."""
