"""The whole product on one machine, started and stopped with one command."""
