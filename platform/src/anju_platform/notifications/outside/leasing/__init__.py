"""Which message is said next, and which alerts it names."""
