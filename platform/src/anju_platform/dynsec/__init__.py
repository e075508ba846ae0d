"""Mosquitto's dynamic-security plugin: who may use the broker, changed while it runs (ADR 36)."""
