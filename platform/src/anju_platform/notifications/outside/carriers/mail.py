"""Mail, by the community's own account (SMTP, RFC 5321): what was said when decides what failed.

``smtps://USER:PASSWORD@HOST?from=ADDRESS`` speaks TLS from the first byte (port 465),
``smtp://`` asks for it before the password (STARTTLS, port 587). Without TLS only a host of the
own network is spoken to.
"""

import smtplib
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

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
_NOBODY = 550
"""RFC 5321: the mailbox is unavailable, it is not there."""
_WELCOME = 220
_TAKEN = 250
_GO_ON = 354
_NOT_NOW = 500
"""Codes from here on are refusals for good."""


class Mail:
    """Sends letters, one to each."""

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts

    def fault(self, url: str) -> str | None:
        """Say what is wrong with a mail account's URL."""
        parts = urlsplit(url)
        if parts.scheme not in _PORTS:
            return "it must begin with smtps:// or smtp://"
        if fault := self._hosts.host_fault(url):
            return fault
        if "@" not in parse_qs(parts.query).get("from", [""])[0]:
            return "it must say whom letters are from: ?from=anju@example.com"
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
        host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
        client = _client(parts.scheme, sender, [one for _, one in self._hosts.vetted(host)])
        end = threading.Timer(TOTAL_S, _closer(client))
        end.daemon = True
        end.start()
        try:
            _connect(client, host, port)
            self._say(client, target.url, sender, target.to, letter)
        finally:
            end.cancel()
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
    code = answer[0]
    if code in {good, 251}:
        return
    if about_the_address and code == _NOBODY:
        raise GoneError(f"there is no such address any more ({code})")
    raise NotTakenError(
        f"it was refused ({code})", of_the_service=not (about_the_address and code >= _NOT_NOW)
    )


def _client(scheme: str, sender: str, addresses: list[str]) -> smtplib.SMTP:
    """Make a client that reaches the first of the vetted addresses that answers."""

    def reach(port: int) -> socket.socket:
        failed: OSError | None = None
        for address in addresses[:2]:
            try:
                return socket.create_connection((address, port), CONNECT_S / len(addresses[:2]))
            except OSError as error:
                failed = error
        raise failed or OSError("no address")

    class Plain(smtplib.SMTP):
        def _get_socket(self, _host: str, port: int, _timeout: float) -> socket.socket:
            return reach(port)

    class Sealed(smtplib.SMTP_SSL):
        def _get_socket(self, host: str, port: int, _timeout: float) -> Any:
            return ssl.create_default_context().wrap_socket(reach(port), server_hostname=host)

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
    if client.sock is not None:
        client.sock.settimeout(TOTAL_S)


def _closer(client: smtplib.SMTP) -> Callable[[], None]:
    """Give what ends a conversation that takes too long, however it drags on."""

    def close() -> None:
        with suppress(OSError, AttributeError):
            if client.sock is not None:
                client.sock.shutdown(socket.SHUT_RDWR)

    return close


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
