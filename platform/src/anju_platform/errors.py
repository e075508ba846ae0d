"""Errors of the platform: status on the class, the message says what to do."""

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any


class Phrase:
    """Something said to a person: an English pattern as of ``str.format``, and its values.

    Screens say it in their reader's language: see :meth:`said`. A value may be a phrase itself.
    Without values a pattern stands for itself, whatever braces it holds.
    """

    def __init__(self, pattern: str, /, **values: object) -> None:
        self.pattern = pattern
        self._values = values

    def __str__(self) -> str:
        return self.pattern.format(**self._values) if self._values else self.pattern

    def said(self, translate: Callable[[str], str]) -> str:
        """Give it in another language; in English, should there be no fitting translation."""
        if not self.pattern:  # gettext gives its catalogue's head for nothing
            return ""
        pattern = translate(self.pattern)
        values = {
            name: value.said(translate) if isinstance(value, Phrase) else value
            for name, value in self._values.items()
        }
        try:
            return pattern.format(**values) if values else pattern
        except (LookupError, ValueError, AttributeError, TypeError):
            return str(self)


class PlatformError(Exception):
    """Base of every error raised by ``anju_platform``.

    ``status`` is its HTTP status, ``title`` what all of its kind have in common. ``phrase`` is
    what it says: what was wrong, where, and what to do.
    """

    status = HTTPStatus.INTERNAL_SERVER_ERROR
    title = "Something failed here"

    def __init__(self, phrase: str | Phrase, /, **values: object) -> None:
        self.phrase = phrase if isinstance(phrase, Phrase) else Phrase(phrase, **values)
        super().__init__(str(self.phrase))

    @classmethod
    def word(cls) -> str:
        """Give the word by which programs know this kind: ``NotFoundError`` is ``not-found``."""
        return re.sub(r"(?<!^)(?=[A-Z])", "-", cls.__name__.removesuffix("Error")).lower()

    def members(self) -> dict[str, Any]:
        """Give what is said beside the message, as JSON; an error that knows more says it."""
        return {}


class ConfigError(PlatformError):
    """A setting is missing or wrong; the text names it and what is expected."""

    title = "A setting is wrong"


class DatabaseUnavailableError(PlatformError):
    """The database cannot be reached or is not migrated."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    title = "The database does not answer"


class BrokerError(PlatformError):
    """The broker does not answer, or does not do what it was asked to."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    title = "The broker does not answer"


class TooLargeError(PlatformError):
    """Something is beyond what the database can hold; trying again changes nothing."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    title = "It is too large to be kept"


class NotFoundError(PlatformError):
    """No such thing, or not one this person may see."""

    status = HTTPStatus.NOT_FOUND
    title = "There is no such thing"


class InvalidRequestError(PlatformError):
    """What was asked makes no sense as it stands; the text says what is missing."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    title = "It makes no sense as it stands"


class ConflictError(PlatformError):
    """The thing has changed since it was looked at; look again."""

    status = HTTPStatus.CONFLICT
    title = "It has changed meanwhile"


class NotAuthenticatedError(PlatformError):
    """No valid session or credential came with the request."""

    status = HTTPStatus.UNAUTHORIZED
    title = "Nobody is logged in"


class ForbiddenError(PlatformError):
    """This person's role does not allow that."""

    status = HTTPStatus.FORBIDDEN
    title = "It is not allowed"


class TooManyAttemptsError(PlatformError):
    """Too many failed log-ins, or too many at once; the text says when to try again."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    title = "Too many attempts"
