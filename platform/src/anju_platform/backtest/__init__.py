"""How many alerts rules would have raised: stored or recorded readings, lived again."""
