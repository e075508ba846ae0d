"""The devices: which are silent, flat or unknown, and what each says."""
