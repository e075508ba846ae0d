"""Back-tests that people start on the screens: rows, each with a process of its own at work."""
