"""Whose word it is who may see what: given, taken back, ending, and what follows from it."""
