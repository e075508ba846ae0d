"""Planned work and exercises: windows of time in which alerts are muted, or marked as a drill."""
