"""The wall: what guards watch."""
