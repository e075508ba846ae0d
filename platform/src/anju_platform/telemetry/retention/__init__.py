"""How long what is stored is kept, by community and by what it is."""
