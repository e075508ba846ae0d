"""Mail, by the community's own account (SMTP, RFC 5321): what was said when decides what failed.

``smtps://USER:PASSWORD@HOST?from=ADDRESS`` speaks TLS from the first byte (port 465),
``smtp://`` asks for it before the password (STARTTLS, port 587). Without TLS only a host of the
own network is spoken to.
"""

import re
import smtplib
import socket
import ssl
import threading
import time
from contextlib import suppress
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from anju_platform.errors import Phrase
from anju_platform.notifications.outside.carriers.carrier import (
    CONNECT_S,
    TOTAL_S,
    GoneError,
    Message,
    NoAnswerError,
    NotTakenError,
    Target,
)
from anju_platform.notifications.outside.carriers.hosts import Hosts

_PORTS = {"smtps": 465, "smtp": 587}
_NO_MAILBOX = (b"5.1.1", b"5.1.2", b"5.1.10", b"5.2.1")
_WELCOME = 220
_TAKEN = 250
_FORWARDED = 251
_GO_ON = 354
_NOT_NOW = 500
"""Codes from here on are refusals for good."""


class Mail:
    """Sends letters, one to each."""

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts

    def fault(self, url: str) -> Phrase | None:
        """Say what is wrong with a mail account's URL."""
        parts = urlsplit(url)
        if parts.scheme not in _PORTS:
            return Phrase("it must begin with smtps:// or smtp://")
        if fault := self._hosts.host_fault(url):
            return fault
        if "@" not in parse_qs(parts.query).get("from", [""])[0]:
            return Phrase("it must say whom letters are from: ?from=anju@example.com")
        return None

    def carry(self, message: Message, target: Target) -> None:
        """Send a letter.

        Raises:
            NotTakenError: refused, or the server was not reached, before all of it was sent.
            NoAnswerError: the server had it all and did not say whether it takes it.
            GoneError: the server says that there is no such mailbox.
        """
        parts = urlsplit(target.url)
        sender = parse_qs(parts.query).get("from", [""])[0]
        letter = _letter(message, sender, target.to)
        line = _Line(time.monotonic() + TOTAL_S)
        end = threading.Timer(TOTAL_S, line.cut)
        end.daemon = True
        end.start()
        host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
        client = _client(parts.scheme, sender, line)
        try:
            line.addresses = [address for _, address in self._hosts.vetted(host)]
            _connect(client, host, port)
            self._say(client, target.url, sender, target.to, letter)
        finally:
            end.cancel()
            line.close()
            with suppress(OSError, smtplib.SMTPException):
                client.close()

    def _say(self, client: smtplib.SMTP, url: str, sender: str, to: str, letter: bytes) -> None:
        parts = urlsplit(url)
        try:
            if parts.scheme == "smtp" and not self._hosts.is_inside(url):
                client.starttls(context=ssl.create_default_context())
            client.ehlo_or_helo_if_needed()
            if parts.username:
                client.login(unquote(parts.username), unquote(parts.password or ""))
            _demand(client.mail(sender))
            _demand(client.rcpt(to), about_the_address=True)
            _demand(client.docmd("DATA"), good=_GO_ON)
        except smtplib.SMTPAuthenticationError as error:
            raise NotTakenError(f"it does not let us in ({error.smtp_code})") from error
        except (OSError, smtplib.SMTPException) as error:
            raise NotTakenError(f"the connection broke ({type(error).__name__})") from error
        try:
            client.send(smtplib._quote_periods(letter) + b"\r\n.\r\n")  # type: ignore[attr-defined]  # noqa: SLF001 - smtplib's own, which data() does not let us call by halves
            answer = client.getreply()
        except (OSError, smtplib.SMTPException) as error:
            raise NoAnswerError(f"the connection broke ({type(error).__name__})") from error
        _demand(answer)


def _demand(
    answer: tuple[int, bytes], *, good: int = _TAKEN, about_the_address: bool = False
) -> None:
    code, text = answer
    if code in {good, _FORWARDED}:
        return
    if not about_the_address or code < _NOT_NOW:
        raise NotTakenError(f"it was refused ({code})")
    # 550 is also "we do not take mail from you": only what says so is about the mailbox (RFC 3463)
    detail = re.search(rb"\b5\.\d{1,3}\.\d{1,3}\b", text)
    if detail is not None and detail[0] in _NO_MAILBOX:
        raise GoneError(f"there is no such address any more ({code})")
    about_us = detail is not None and not detail[0].startswith((b"5.1.", b"5.2."))
    raise NotTakenError(f"it was refused ({code})", of_the_service=about_us)


class _Line:
    """The line to a server: cut when the time is over, whoever holds its socket by then."""

    def __init__(self, deadline: float) -> None:
        self.addresses: list[str] = []
        self._deadline = deadline
        self._held: list[socket.socket] = []
        self._cut = False

    def reach(self, port: int) -> socket.socket:
        """Connect to the first of the addresses that answers.

        Raises:
            OSError: none does.
        """
        failed: OSError | None = None
        for address in self.addresses[:2]:
            try:
                made = socket.create_connection(
                    (address, port), CONNECT_S / len(self.addresses[:2])
                )
            except OSError as error:
                failed = error
                continue
            made.settimeout(max(0.1, self._deadline - time.monotonic()))
            self._held.append(made.dup())  # TLS takes the socket over, the line stays the same
            if self._cut:
                self.cut()
            return made
        raise failed or OSError("no address")

    def cut(self) -> None:
        """End the conversation, however it drags on."""
        self._cut = True
        for each in self._held:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of it."""
        self.cut()
        for each in self._held:
            each.close()


def _client(scheme: str, sender: str, line: _Line) -> smtplib.SMTP:
    """Make a client that speaks on that line."""

    class Plain(smtplib.SMTP):
        def _get_socket(self, _host: str, port: int, _timeout: float) -> socket.socket:
            return line.reach(port)

    class Sealed(smtplib.SMTP_SSL):
        def _get_socket(self, host: str, port: int, _timeout: float) -> Any:
            context = ssl.create_default_context()
            return context.wrap_socket(line.reach(port), server_hostname=host)

    made = Sealed if scheme == "smtps" else Plain
    us = sender.partition("@")[2]  # else the machine's name is looked up, for who knows how long
    return made(local_hostname=us, timeout=CONNECT_S)


def _connect(client: smtplib.SMTP, host: str, port: int) -> None:
    client._host = host  # type: ignore[attr-defined]  # noqa: SLF001 - whose certificate STARTTLS asks for
    try:
        code, _ = client.connect(host, port)
    except (OSError, smtplib.SMTPException) as error:
        raise NotTakenError("no connection") from error
    if code != _WELCOME:
        raise NotTakenError(f"it was refused ({code})")


def _letter(message: Message, sender: str, to: str) -> bytes:
    letter = EmailMessage()
    letter["Subject"] = message.title
    letter["From"] = Address("Anju", addr_spec=sender)
    letter["To"] = to
    letter["Date"] = formatdate()
    letter["Message-ID"] = make_msgid(domain=sender.partition("@")[2])
    letter["X-Priority"] = "1" if message.severity == 1 else "3"
    letter.set_content(f"{message.body}\n{message.url}\n", cte="base64")
    return letter.as_bytes(policy=letter.policy.clone(linesep="\r\n"))
