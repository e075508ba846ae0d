"""Who is called when nobody takes an alert on: plans in words, their editor, and a rehearsal."""
