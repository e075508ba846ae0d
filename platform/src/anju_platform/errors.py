"""Errors of the platform: status on the class, the message says what to do."""

from http import HTTPStatus


class PlatformError(Exception):
    """Base of every error raised by ``anju_platform``; ``status`` is its HTTP status."""

    status = HTTPStatus.INTERNAL_SERVER_ERROR


class ConfigError(PlatformError):
    """A setting is missing or wrong; the text names it and what is expected."""


class DatabaseUnavailableError(PlatformError):
    """The database cannot be reached or is not migrated."""

    status = HTTPStatus.SERVICE_UNAVAILABLE


class TooLargeError(PlatformError):
    """Something is beyond what the database can hold; trying again changes nothing."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class NotFoundError(PlatformError):
    """No such thing, or not one this person may see."""

    status = HTTPStatus.NOT_FOUND


class InvalidRequestError(PlatformError):
    """What was asked makes no sense as it stands; the text says what is missing."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY


class ConflictError(PlatformError):
    """The thing has changed since it was looked at; look again."""

    status = HTTPStatus.CONFLICT


class NotAuthenticatedError(PlatformError):
    """No valid session or credential came with the request."""

    status = HTTPStatus.UNAUTHORIZED


class ForbiddenError(PlatformError):
    """This person's role does not allow that."""

    status = HTTPStatus.FORBIDDEN


class TooManyAttemptsError(PlatformError):
    """Too many failed log-ins, or too many at once; the text says when to try again."""

    status = HTTPStatus.TOO_MANY_REQUESTS
