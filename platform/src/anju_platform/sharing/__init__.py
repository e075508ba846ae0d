"""What may be shown of what sensors in homes say: to whom, for what, until when."""
