"""What leaves the house: the ways to people who do not look at a screen."""
