"""Devices of other makers, simulated: one file per protocol, each run by ``anju-sim peer``."""
