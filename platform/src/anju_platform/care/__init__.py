"""Homes as their families see them: is all well, what is watched, who goes there, who looked."""
