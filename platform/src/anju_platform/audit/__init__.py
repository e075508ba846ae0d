"""The append-only record of who did and saw what."""
