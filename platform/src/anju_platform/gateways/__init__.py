"""Gateways' credentials: given, changed, taken away (ADR 36)."""
