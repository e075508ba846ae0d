"""The rules in force and their stored state."""
