"""Snapshots referenced by alerts."""
