"""How the platform itself is doing: the system page, the metrics."""
