"""The real web process around a small community, and logging in to its screens."""

from __future__ import annotations

import threading
import time
from typing import Any

import httpx
import uvicorn
from guarded_site import PASSWORD

from anju_dashboards.app import create_app
from anju_platform import serve
from anju_platform.config import Settings
from anju_platform.demo.mosquitto import free_port


class Screens:
    """A web process in a thread; it may be stopped and started again on the same port."""

    def __init__(self, database: str, **changed: Any) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        known = {"web_port": self.port, "public_url": self.url, "secure_cookies": False}
        self._settings = Settings(**({"database_url": database} | known | changed))
        self._running: list[tuple[uvicorn.Server, threading.Thread]] = []

    def start(self) -> None:
        """Serve, and wait until it answers."""
        server = serve.make_server(create_app(self._settings), host="127.0.0.1", port=self.port)
        thread = threading.Thread(target=server.run)
        thread.start()
        self._running.append((server, thread))
        deadline = time.monotonic() + 20
        while not server.started:
            assert thread.is_alive()
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def stop(self) -> None:
        """Stop serving; open streams end."""
        while self._running:
            server, thread = self._running.pop()
            server.should_exit = True
            thread.join(20)
            assert not thread.is_alive()


def log_in(client: httpx.Client, username: str) -> httpx.Client:
    """Log in as the page's form does."""
    form = {"username": username, "password": PASSWORD, "next": "/wall"}
    answer = client.post("/login", data=form, follow_redirects=False)
    assert answer.status_code == 303, answer.text
    return client


def csrf_of(page: str) -> str:
    """Find the token every form of a page carries."""
    return page.split('name="csrf" value="', 1)[1].split('"', 1)[0]


def send(client: httpx.Client, path: str, at: str, **fields: str | list[str]) -> httpx.Response:
    """Post a form as the page at ``at`` holds it."""
    return client.post(path, data=fields | {"csrf": csrf_of(client.get(at).text)})
