"""Readings by the hour and by the day: brought up to date behind ingest, read by long charts."""
