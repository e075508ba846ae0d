"""Webhooks: other systems that hear of alerts, by signed posts."""
