"""SIP messages, read and written (RFC 3261 section 7).

Read generously, for devices write it badly: bare line feeds, folded and short header names,
a missing Content-Length over UDP. What cannot be a message is refused with a reason. Header
text is Latin-1, so that each byte a device sent goes back to it unchanged.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from anju_edge.errors import EdgeError

MAX_BYTES = 64 * 1024
MAX_HEADERS = 128
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_FOLD = re.compile(r"\r?\n[ \t]+")
_REQUEST = re.compile(r"([A-Z]{1,32}) (\S{1,1024}) SIP/2\.0")
_RESPONSE = re.compile(r"SIP/2\.0 ([1-6]\d\d)(?: (.*))?")
_NAME = re.compile(r"[A-Za-z0-9.!%*_+`'~-]+")
_USER = re.compile(r"sips?:([^@;>\s]+)@", re.IGNORECASE)
_SHORT = {
    "c": "content-type",
    "e": "content-encoding",
    "f": "from",
    "i": "call-id",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "o": "event",
    "s": "subject",
    "t": "to",
    "u": "allow-events",
    "v": "via",
}

Headers = tuple[tuple[str, str], ...]


class BadMessageError(EdgeError):
    """Bytes that are no SIP message, or one that lacks what every message has."""


@dataclass(frozen=True, slots=True)
class _Message:
    headers: Headers
    body: bytes = b""

    def get(self, name: str) -> str:
        """Give the first header of that name; empty when there is none."""
        found = self.all(name)
        return found[0] if found else ""

    def all(self, name: str) -> list[str]:
        """Give all headers of that name, in their order."""
        wanted = name.lower()
        return [value for key, value in self.headers if _full(key) == wanted]

    @property
    def call_id(self) -> str:
        """What names the exchange this message belongs to."""
        return self.get("call-id")

    @property
    def cseq(self) -> tuple[int, str]:
        """The number within that exchange, and the method."""
        number, _, method = self.get("cseq").strip().partition(" ")
        return (int(number) if number.isascii() and number.isdigit() else 0), method.strip()

    @property
    def branch(self) -> str:
        """What names the transaction: the branch of the topmost Via."""
        return parameter(self.get("via").split(",", 1)[0], "branch")

    @property
    def sender(self) -> str:
        """The user in From: of whom it is, by their own word."""
        return user(self.get("from"))


@dataclass(frozen=True, slots=True)
class Request(_Message):
    """Somebody asks for something."""

    method: str = ""
    uri: str = ""

    def encode(self) -> bytes:
        """Give it as it goes on the wire."""
        return _encode(f"{self.method} {self.uri} SIP/2.0", self)


@dataclass(frozen=True, slots=True)
class Response(_Message):
    """The answer to a request."""

    status: int = 0
    reason: str = ""

    def encode(self) -> bytes:
        """Give it as it goes on the wire."""
        return _encode(f"SIP/2.0 {self.status} {self.reason}", self)


def parse(data: bytes) -> Request | Response:
    """Read one message; what follows a body of the length told is left out.

    Raises:
        BadMessageError: it is none; says why.
    """
    if len(data) > MAX_BYTES:
        raise BadMessageError(f"{len(data)} bytes in one message")
    found = _HEAD_END.search(data)
    if found is None:
        raise BadMessageError("its headers have no end")
    start, headers = _read_head(data[: found.start()])
    body = data[found.end() :]
    length = body_length(headers)
    if length is not None and length > len(body):
        raise BadMessageError(f"its body has {len(body)} of {length} bytes")
    return _checked(start, headers, body if length is None else body[:length])


def body_length(headers: Headers) -> int | None:
    """Give the length of the body as told; None when it is not.

    Raises:
        BadMessageError: it is not a number.
    """
    for name, value in headers:
        if _full(name) == "content-length":
            if not (value.isascii() and value.isdigit() and len(value) <= 9):  # noqa: PLR2004
                raise BadMessageError(f"Content-Length is {value[:20]!r}")
            return int(value)
    return None


def cut(buffer: bytes) -> int | None:
    """Give where the first message of a stream ends; None when it is not all there yet.

    Raises:
        BadMessageError: no message can begin so, and none after it can be found.
    """
    found = _HEAD_END.search(buffer)
    if found is None:
        if len(buffer) > MAX_BYTES:
            raise BadMessageError("its headers have no end")
        return None
    _, headers = _read_head(buffer[: found.start()])
    length = body_length(headers)
    if length is None:
        raise BadMessageError("a message over TCP without Content-Length")
    end = found.end() + length
    if end > MAX_BYTES:
        raise BadMessageError(f"{end} bytes in one message")
    return end if len(buffer) >= end else None


def answer_to(
    request: Request,
    status: int,
    reason: str,
    headers: Sequence[tuple[str, str]] = (),
    *,
    tag: str = "",
) -> Response:
    """Give the answer to a request: its own Via, From, To, Call-ID and CSeq, then ``headers``."""
    to = request.get("to")
    if tag and not parameter(to, "tag"):
        to = f"{to};tag={tag}"
    same = [("Via", via) for via in request.all("via")]
    same += [("From", request.get("from")), ("To", to)]
    same += [("Call-ID", request.call_id), ("CSeq", request.get("cseq"))]
    return Response((*same, *headers), b"", status, reason)


def parameter(header: str, name: str) -> str:
    """Give a parameter such as ``;tag=`` of a header; empty when it is not there."""
    outside = header.rsplit(">", 1)[-1] if ">" in header else header
    found = re.search(rf';\s*{name}\s*=\s*"?([^;,\s">]+)', outside, re.IGNORECASE)
    return found.group(1) if found else ""


def user(header: str) -> str:
    """Give the user of the first SIP address in a header; empty when there is none."""
    found = _USER.search(header)
    return found.group(1) if found else ""


def _full(name: str) -> str:
    name = name.lower()
    return _SHORT.get(name, name)


def _read_head(head: bytes) -> tuple[str, Headers]:
    text = _FOLD.sub(" ", head.decode("latin-1").lstrip("\r\n"))
    start, *lines = re.split(r"\r?\n", text)
    if len(lines) > MAX_HEADERS:
        raise BadMessageError(f"{len(lines)} headers")
    headers = []
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not _NAME.fullmatch(name.rstrip()):
            raise BadMessageError(f"no header: {line[:60]!r}")
        headers.append((name.rstrip(), value.strip()))
    return start.rstrip(), tuple(headers)


def _checked(start: str, headers: Headers, body: bytes) -> Request | Response:
    asked, answered = _REQUEST.fullmatch(start), _RESPONSE.fullmatch(start)
    message: Request | Response
    if asked:
        message = Request(headers, body, asked.group(1), asked.group(2))
    elif answered:
        message = Response(headers, body, int(answered.group(1)), answered.group(2) or "")
    else:
        raise BadMessageError(f"no SIP: {start[:60]!r}")
    for name in ("via", "from", "to", "call-id", "cseq"):
        if not message.get(name):
            raise BadMessageError(f"it has no {name}")
    method = message.cseq[1]
    if not method or (isinstance(message, Request) and method != message.method):
        raise BadMessageError(f"CSeq is {message.get('cseq')[:40]!r}")
    return message


def _encode(start: str, message: _Message) -> bytes:
    headers = [one for one in message.headers if _full(one[0]) != "content-length"]
    headers.append(("Content-Length", str(len(message.body))))
    lines = [start, *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n" + message.body
