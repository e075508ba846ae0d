"""The ledger: what is injected while things break, and what of it is stored in the end."""
