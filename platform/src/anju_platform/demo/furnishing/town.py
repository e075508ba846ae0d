"""The town outside the demo, on this machine alone: it takes what the platform tells it.

A gateway for short messages and the sub-district's platform. It says of each short message that
it was delivered, and keeps the last one of each telephone, so that a code can be read.
"""

import json
import logging
import re
import threading
import urllib.request
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
_CODE = re.compile(r"(?<![0-9])[0-9]{6}(?![0-9])")
_MOST_BYTES = 1_000_000
_TIMEOUT_S = 5.0

log = logging.getLogger(__name__)


class Town:
    """Listens until :meth:`stop`, at the port it had before if that is free."""

    def __init__(self, port_file: Path) -> None:
        self._codes: dict[str, str] = {}
        self._heard = threading.Condition()
        self._server = self._listen(port_file)
        port_file.write_text(str(self.port), encoding="utf-8")
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Give where it listens."""
        return self._server.server_port

    def url(self, path: str) -> str:
        """Give the address of one of its services."""
        return f"http://{HOST}:{self.port}/{path}"

    def code_for(self, phone: str, *, within_s: float) -> str | None:
        """Give the code a telephone was sent, once; none if none came in that time."""
        with self._heard:
            self._heard.wait_for(lambda: phone in self._codes, within_s)
            return self._codes.pop(phone, None)

    def stop(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _listen(self, port_file: Path) -> ThreadingHTTPServer:
        known = int(port_file.read_text(encoding="utf-8")) if port_file.exists() else 0
        town = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = min(int(self.headers.get("Content-Length") or 0), _MOST_BYTES)
                body = self.rfile.read(length)
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()
                if self.path == "/sms":
                    town.deliver(json.loads(body))

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        for port in (known, 0):
            with suppress(OSError):
                return ThreadingHTTPServer((HOST, port), Handler)
        raise OSError("the demo's town finds no port to listen on")

    def deliver(self, message: dict[str, Any]) -> None:
        """Let a short message arrive at its telephone, and say so."""
        if code := _CODE.search(message["say"]):
            with self._heard:
                self._codes[message["to"]] = code.group()
                self._heard.notify_all()
            return
        receipt = urllib.request.Request(  # noqa: S310 - the demo's own platform
            message["receipt_url"],
            data=json.dumps({"kind": "delivered"}).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            urllib.request.urlopen(receipt, timeout=_TIMEOUT_S).close()  # noqa: S310 - the same
        except OSError as error:
            log.warning("a receipt was not taken: %s", error)
