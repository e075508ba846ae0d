"""The tree of places as installers keep it."""
