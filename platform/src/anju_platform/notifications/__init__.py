"""The outbox: who is told what, on which channel, and whether it arrived."""
