"""Frames to events; the only part that imports OpenCV, and only in the camera's process."""
