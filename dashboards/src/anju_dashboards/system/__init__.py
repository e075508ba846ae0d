"""How the platform itself is doing."""
