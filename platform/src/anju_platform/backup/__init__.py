"""A copy of the whole database in a folder, and the way back."""
