"""Where work is done and drills are run, and where they are planned."""
