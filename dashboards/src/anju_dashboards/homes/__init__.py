"""Homes: the list, one home, and files that bring people in."""
