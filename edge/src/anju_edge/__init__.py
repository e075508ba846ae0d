"""The agent on the box in the complex: drivers, spool, uplink, cameras."""

__version__ = "0.1.0"
