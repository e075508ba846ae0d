"""What is usual for a home or a device: learned each night, read by rules as ``b.*``."""
