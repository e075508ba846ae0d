"""The page of reports; it prints well."""
