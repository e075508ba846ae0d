"""Homes from a spreadsheet: read, shown as what it would change, then brought in."""
