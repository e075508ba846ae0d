"""Posting to a service outside: no redirects, short patience, and errors without addresses.

A URL may hold a password or be one (a push service's endpoint): no error repeats it.
"""

from collections.abc import Mapping
from http import HTTPStatus

import requests

from anju_platform.notifications.outside.carriers.carrier import (
    ANSWER_S,
    CONNECT_S,
    GoneError,
    NoAnswerError,
    NotTakenError,
)

_LONGEST_S = 300.0


def session() -> requests.Session:
    """Make a session that follows nobody: a redirect could lead into the own network."""
    made = requests.Session()
    made.max_redirects = 0
    made.trust_env = False  # no proxy, no .netrc of whoever runs the worker
    return made


def post(url: str, body: bytes, headers: Mapping[str, str]) -> None:
    """Post a body; return once it was accepted.

    Raises:
        NotTakenError, NoAnswerError, GoneError: as a carrier.
    """
    try:
        with session() as client:
            answer = client.post(
                url, data=body, headers=dict(headers), timeout=(CONNECT_S, ANSWER_S)
            )
    except requests.RequestException as error:
        raise translated(error) from error
    judge(answer.status_code, answer.headers.get("Retry-After"))


def translated(error: requests.RequestException) -> Exception:
    """Say what an error means for the message."""
    if isinstance(error, requests.ConnectTimeout):
        return NotTakenError("nobody answers there")
    if isinstance(error, requests.TooManyRedirects):
        return NotTakenError("it sends us elsewhere; give the address it sends us to")
    if isinstance(error, requests.exceptions.SSLError):
        return NotTakenError("its certificate is not good")
    if isinstance(error, requests.Timeout):
        return NoAnswerError(f"no answer within {ANSWER_S:g} s")
    if isinstance(error, requests.ConnectionError) and "NewConnectionError" in repr(error):
        return NotTakenError("no connection")
    return NoAnswerError(f"the connection broke ({type(error).__name__})")


def judge(status: int, retry_after: str | None) -> None:
    """Judge a service's answer.

    Raises:
        NotTakenError: it says no, or later.
        GoneError: it says that there is no such address.
    """
    if status < HTTPStatus.MULTIPLE_CHOICES:
        return
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        raise GoneError(f"there is no such address any more ({status})")
    after_s = float(retry_after) if retry_after and retry_after.isdecimal() else 0.0
    refused = status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
    reason = "it does not let us in" if refused else "it was refused"
    raise NotTakenError(f"{reason} ({status})", min(after_s, _LONGEST_S))
