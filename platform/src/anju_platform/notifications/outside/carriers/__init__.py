"""Who hands messages over to the services outside: one file for each kind of them."""
