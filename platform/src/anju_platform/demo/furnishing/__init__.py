"""What an office sets up in its first weeks, done in the demo by its people's own hands."""
