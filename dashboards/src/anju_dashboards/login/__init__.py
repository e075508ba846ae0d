"""Logging in, out, and choosing the language."""
