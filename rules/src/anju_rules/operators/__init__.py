"""Temporal operators, one per file: pure, in event time, over :class:`Memory`."""
