"""Alerts in the Common Alerting Protocol (CAP 1.2), for systems that speak it."""
