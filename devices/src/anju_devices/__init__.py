"""The vocabulary of Anju: what a device is and what it may say on the wire."""
