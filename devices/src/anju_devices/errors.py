"""Errors of this part; every message says what was wrong and what to do."""


class DeviceError(Exception):
    """Base of every error raised by ``anju_devices``."""


class InvalidMessageError(DeviceError):
    """A payload does not follow the wire contract; the text names the place in it."""


class InvalidTopicError(DeviceError):
    """A topic, or an id meant for one, does not follow the wire contract."""


class UnknownModelError(DeviceError):
    """No device model of that name is in the catalogue."""


class InvalidReadingError(DeviceError):
    """A reading does not fit its device's model: unknown field, wrong kind or out of range."""


class LinkError(DeviceError):
    """The broker cannot be used; the text says why and what is tried next."""


class RecordingError(DeviceError):
    """A recorded home cannot be read; names the file, the line and what is expected."""
