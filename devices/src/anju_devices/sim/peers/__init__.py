"""Devices of other makers, simulated: one file per protocol, each a program."""
