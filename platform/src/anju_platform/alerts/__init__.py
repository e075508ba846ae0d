"""Alerts: deduplicated findings with a life cycle."""
