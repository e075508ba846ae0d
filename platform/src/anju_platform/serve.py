"""The web process: uvicorn around the screens, or around the API alone where they are missing."""

import gc
import importlib
import importlib.util
import signal
import socket

import uvicorn
from fastapi import FastAPI

from anju_platform import api
from anju_platform.config import Settings
from anju_platform.errors import ConfigError
from anju_platform.feed import Feed
from anju_platform.oversight import Overseer
from anju_platform.pulse import Pulse
from anju_platform.vitals import WebVitals

_SCREENS = "anju_dashboards.app"
_FINISH_S = 5


class _Server(uvicorn.Server):
    """Ends live streams first: they would outlast any patience."""

    def __init__(self, config: uvicorn.Config, feed: Feed) -> None:
        super().__init__(config)
        self._feed = feed

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop serving."""
        await self._feed.stop()
        await super().shutdown(sockets)


def load_app(settings: Settings) -> FastAPI:
    """Make the application: with screens where they are installed (known by name only)."""
    if _is_installed(_SCREENS):
        app: FastAPI = importlib.import_module(_SCREENS).create_app(settings)
        return app
    return api.create_app(settings)


def _is_installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def make_server(app: FastAPI, *, host: str, port: int) -> uvicorn.Server:
    """Make a server for an application of :func:`load_app`."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http="httptools",
        access_log=False,  # addresses of pages name people's alerts; the audit tells who looked
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=_FINISH_S,
        timeout_keep_alive=75,
    )
    return _Server(config, app.state.feed)


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        ConfigError: the address cannot be listened on.
    """
    app = load_app(settings)
    gc.collect()
    gc.freeze()  # a look through all that was imported would keep every screen waiting for 0.2 s
    host, port = settings.web_host, settings.web_port
    server = make_server(app, host=host, port=port)
    for number in (signal.SIGTERM, signal.SIGINT):  # uvicorn raises again what it has obeyed
        signal.signal(number, lambda *_: setattr(server, "should_exit", True))
    vitals = WebVitals(app.state.feed.live_screens)
    try:
        with Pulse("web", settings.database_url, vitals.figures), Overseer(settings.database_url):
            server.run()
    except SystemExit as error:  # uvicorn's way to say that it could not bind
        raise ConfigError(f"cannot listen on {host}:{port}; is the port taken?") from error
    if not server.started:
        raise ConfigError(f"cannot listen on {host}:{port}; is the port taken?")
