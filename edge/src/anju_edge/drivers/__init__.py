"""The protocols this gateway speaks with devices: one file, or one folder, each."""
