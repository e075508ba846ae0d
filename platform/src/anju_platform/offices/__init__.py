"""Which ingest process writes which communities."""
