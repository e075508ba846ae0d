"""The family's pages: one home on a telephone."""
