"""Rules: what rings, changing it, and trying a change on the past."""
