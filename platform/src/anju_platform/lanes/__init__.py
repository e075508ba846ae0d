"""Each gateway's ordered lanes, and quarantine for what cannot be taken in."""
