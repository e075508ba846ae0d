"""Errors of this part; every message says what was wrong and what to do."""


class EdgeError(Exception):
    """Base of every error raised by ``anju_edge``."""


class ConfigError(EdgeError):
    """The configuration cannot be used; names the file, the key and what is expected."""


class SpoolError(EdgeError):
    """The spool cannot be used at all."""


class SpoolFullError(SpoolError):
    """No room to keep readings; they were not kept and their device must offer them again."""


class GoingDownError(EdgeError):
    """The agent ends before the work is done; it is not answered, and asked for again."""


class DriverError(EdgeError):
    """A driver cannot go on; its supervisor starts it again."""


class CameraError(EdgeError):
    """A camera's source cannot be opened or read; it is tried again."""
