"""Residents, households and whom to call."""
