"""Services outside, on this machine: they keep what they are sent and answer as they are told."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import ssl
import struct
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import http_ece
from aiosmtpd.controller import Controller
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import NameOID

from anju_platform.demo.mosquitto import free_port


@dataclass(frozen=True)
class Received:
    """One request, as it came; ``at`` by the steady clock."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    def json(self) -> Any:
        return json.loads(self.body)


class Sink:
    """An HTTP service.

    ``status`` and ``body`` are what it answers, ``hangs_s`` for how long it says nothing (having
    taken the request), ``location`` where it sends whoever asks, ``drips`` that it answers for
    ever, a byte at a time, ``resets`` that it breaks the line instead, ``pieces`` that its body
    comes in two, ``cut_short`` that it breaks off between them.
    """

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.status = 201
        self.body = b'{"errcode": 0}'
        self.drips = self.resets = self.pieces = self.cut_short = False
        self.retry_after: str | None = None
        self.location: str | None = None
        self.hangs_s = 0.0
        self.comes = threading.Event()
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                sink.received.append(Received(self.path, headers, body, time.monotonic()))
                sink.comes.set()
                with suppress(OSError):  # whoever asked has gone
                    sink.answers(self)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                """Say nothing: whoever asked has gone."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def answers(self, to: BaseHTTPRequestHandler) -> None:
        """Answer as it was told."""
        time.sleep(self.hangs_s)
        if self.resets:
            at_once = struct.pack("ii", 1, 0)
            to.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
            to.connection.close()
            return
        while self.drips:
            to.wfile.write(b"H")
            time.sleep(0.5)
        to.send_response(self.status)
        if self.retry_after:
            to.send_header("Retry-After", self.retry_after)
        if self.location:
            to.send_header("Location", self.location)
        to.send_header("Content-Length", str(len(self.body)))
        to.end_headers()
        to.wfile.write(self.body[:3])
        if self.pieces or self.cut_short:
            time.sleep(0.3)
        if not self.cut_short:
            to.wfile.write(self.body[3:])
        to.close_connection = True

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def to(self, path: str) -> list[Received]:
        return [one for one in self.received if one.path == path]


@dataclass
class Browser:
    """A browser's push subscription, with the keys that open what is sent to it."""

    endpoint: str
    private: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    auth: bytes = field(default_factory=lambda: os.urandom(16))

    def subscription(self) -> dict[str, Any]:
        point = self.private.public_key().public_bytes(
            Encoding.X962, PublicFormat.UncompressedPoint
        )
        keys = {"p256dh": _words(point), "auth": _words(self.auth)}
        return {"endpoint": self.endpoint, "keys": keys}

    def opens(self, one: Received) -> Any:
        """Open a sealed message, as the browser does."""
        assert one.headers["content-encoding"] == "aes128gcm"
        opened = http_ece.decrypt(one.body, private_key=self.private, auth_secret=self.auth)
        return json.loads(opened)


def _words(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class MailServer:
    """An SMTP server that keeps every letter.

    ``rcpt`` is what it says of an address, ``data`` of a letter, ``hangs_s`` for how long it
    says nothing once it has a letter.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.letters: list[EmailMessage] = []
        self.rcpt, self.data, self.hangs_s = "250 OK", "250 OK", 0.0
        server = self

        class Handler:
            async def handle_RCPT(  # noqa: N802 - aiosmtpd's own name
                self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
            ) -> str:
                if server.rcpt.startswith("250"):
                    envelope.rcpt_tos.append(address)
                return server.rcpt

            async def handle_DATA(  # noqa: N802
                self, _server: Any, _session: Any, envelope: Any
            ) -> str:
                letter = message_from_bytes(envelope.content, policy=policy.default)
                assert isinstance(letter, EmailMessage)
                letter["X-To"] = ", ".join(envelope.rcpt_tos)
                server.letters.append(letter)
                await asyncio.sleep(server.hangs_s)
                return server.data

        self.port = free_port()
        scheme = "smtp" if tls is None else "smtps"
        self.url = f"{scheme}://127.0.0.1:{self.port}?from=anju@anju.example"
        self._controller = Controller(
            Handler(), hostname="127.0.0.1", port=self.port, ssl_context=tls
        )
        self._controller.start()

    def stop(self) -> None:
        """Stop it, once."""
        if self._controller.loop.is_running():
            self._controller.stop()


def certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """Make a certificate of this machine's, signed by itself; gives it, and who shows it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    today = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, secret = folder / "cert.pem", folder / "key.pem"
    public.write_bytes(made.public_bytes(Encoding.PEM))
    secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, secret)
    return public, context
