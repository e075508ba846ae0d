"""The site plan: its picture, and where devices stand on it."""
