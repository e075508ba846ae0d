"""One protocol per file; each hands readings to the intake and knows nothing above it."""
