"""What is shelved now."""
