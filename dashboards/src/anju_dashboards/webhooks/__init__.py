"""Other systems that hear of alerts: set, tried, and what became of each message."""
