"""How many alerts come to whoever sits at the desk."""
