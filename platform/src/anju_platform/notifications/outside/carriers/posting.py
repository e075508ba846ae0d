"""Posting to a service outside: a bounded time in all, no redirects, errors without addresses.

A URL may hold a password or be one (a push service's endpoint): no error repeats it.
"""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from anju_platform.notifications.outside.carriers.carrier import (
    CONNECT_S,
    TOTAL_S,
    GoneError,
    NoAnswerError,
    NotTakenError,
)
from anju_platform.notifications.outside.carriers.hosts import Hosts

_LONGEST_S = 300.0
_MOST_READ = 64 * 1024
_ABOUT_US = (
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_MANY_REQUESTS,
)
"""Refusals that say nothing about the address or the message."""

_MAY_HAVE_TAKEN_IT = (
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.GATEWAY_TIMEOUT,
)

for noisy in ("aiohttp", "urllib3"):  # they would write addresses into the log
    logging.getLogger(noisy).setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service said: its status is below 300; ``complete``: the body is all there."""

    status: int
    body: bytes
    complete: bool


def post(
    hosts: Hosts, url: str, body: bytes, headers: Mapping[str, str], *, harmless: bool = False
) -> Answer:
    """Post a body; return once it was accepted.

    ``harmless``: it may be said twice, for nobody hears it twice; then a failure of the service
    (500, 502, 504) counts as a refusal, else it may have been taken before.

    Raises:
        NotTakenError, NoAnswerError, GoneError: as a carrier.
    """
    if fault := hosts.fault(url):
        raise NotTakenError(str(fault))
    return asyncio.run(_post(hosts, url, body, headers, harmless=harmless))


async def _post(
    hosts: Hosts, url: str, body: bytes, headers: Mapping[str, str], *, harmless: bool
) -> Answer:
    import aiohttp  # when first needed: a worker that starts has alarms to tell
    from aiohttp.abc import AbstractResolver, ResolveResult

    class Vetting(AbstractResolver):
        """Looks names up with the loop's own threads, and lets nobody in."""

        async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
            del family
            found = await asyncio.to_thread(hosts.vetted, host)
            return [
                ResolveResult(hostname=host, host=address, port=port, family=of, proto=0, flags=0)
                for of, address in found
            ]

        async def close(self) -> None:
            """Nothing is held."""

    sent = asyncio.Event()

    async def note(*_: Any) -> None:
        sent.set()

    watch = aiohttp.TraceConfig()
    watch.on_request_headers_sent.append(note)
    timeout = aiohttp.ClientTimeout(total=TOTAL_S, sock_connect=CONNECT_S, ceil_threshold=60)
    connector = aiohttp.TCPConnector(resolver=Vetting(), force_close=True)
    try:
        async with (
            aiohttp.ClientSession(
                connector=connector, timeout=timeout, trace_configs=[watch]
            ) as session,
            session.post(url, data=body, headers=headers, allow_redirects=False) as answer,
        ):
            judge(answer.status, answer.headers.get("Retry-After"), harmless=harmless)
            said, complete = b"", False
            with suppress(aiohttp.ClientError, TimeoutError):  # it has accepted it
                while len(said) < _MOST_READ and (piece := await answer.content.read(_MOST_READ)):
                    said += piece
                complete = answer.content.at_eof()
            return Answer(answer.status, said, complete)
    except TimeoutError as error:
        raise _in_vain(sent, f"no answer within {TOTAL_S:g} s") from error
    except aiohttp.ClientError as error:
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, NotTakenError):
                raise cause from error
            cause = cause.__cause__ or cause.__context__
        raise _in_vain(sent, f"the connection broke ({type(error).__name__})") from error


def _in_vain(sent: asyncio.Event, reason: str) -> Exception:
    """Say what a failure means: what never left us was certainly not delivered."""
    return NoAnswerError(reason) if sent.is_set() else NotTakenError("no connection")


def judge(status: int, retry_after: str | None, *, harmless: bool) -> None:
    """Judge a service's answer.

    Raises:
        NotTakenError: it says no, or later.
        NoAnswerError: it failed, perhaps after it had taken it.
        GoneError: it says that there is no such address.
    """
    if status < HTTPStatus.MULTIPLE_CHOICES:
        return
    if status < HTTPStatus.BAD_REQUEST:
        raise NotTakenError("it sends us elsewhere; give the address it sends us to")
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        raise GoneError(f"there is no such address any more ({status})")
    if status in _MAY_HAVE_TAKEN_IT and not harmless:
        raise NoAnswerError(f"it failed ({status})")
    refused = status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
    reason = "it does not let us in" if refused else "it was refused"
    of_the_service = status in _ABOUT_US or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    raise NotTakenError(
        f"{reason} ({status})", after_s=_seconds(retry_after), of_the_service=of_the_service
    )


def _seconds(retry_after: str | None) -> float:
    """Read a Retry-After, in seconds or as a date (RFC 9110)."""
    if not retry_after:
        return 0.0
    if retry_after.isdecimal():
        return min(float(retry_after), _LONGEST_S)
    with suppress(ValueError, TypeError):
        left = parsedate_to_datetime(retry_after) - datetime.now(UTC)
        return min(max(left.total_seconds(), 0.0), _LONGEST_S)
    return 0.0
