"""Which walls are watched: each says every few seconds that it is alive."""
