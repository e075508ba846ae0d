"""Readings as a time series, and what happened as device events."""
