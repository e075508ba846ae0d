"""The audit: who did and saw what."""
