"""What every request and answer goes through: a limit on bodies, headers that keep safe."""

import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from anju_platform import pictures
from anju_platform.importing import sheet
from anju_platform.media import service as media
from anju_platform.rulebook import texts

MAX_BODY = 64 * 1024
RULE_BODY = 3 * texts.MOST_BYTES
"""JSON and forms write many of a text's letters as two or three."""

SHEET_BODY = sheet.MAX_BYTES + MAX_BODY
PICTURE_BODY = pictures.MAX_BYTES + MAX_BODY
"""A telephone's photo or a scanned plan, and the words beside it."""

_LIMITS = {
    re.compile("/api/v1/gateway/snapshots/"): media.MAX_BYTES,
    re.compile("/api/v1/rules|/rules|/new-rule$"): RULE_BODY,
    re.compile("/api/v1/home-imports$|/homes/import$"): SHEET_BODY,
    re.compile("/api/v1/alerts/[^/]+/photos$|/alerts/[^/]+/comment$"): PICTURE_BODY,
    re.compile("/api/v1/plan/picture$|/places/plan/picture$"): PICTURE_BODY,
}

_CONTENT_SECURITY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data: blob:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "media-src": "'self'",
    "manifest-src": "'self'",
    "worker-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
_HEADERS = {
    "Content-Security-Policy": "; ".join(f"{k} {v}" for k, v in _CONTENT_SECURITY.items()),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}
_YEAR = "max-age=31536000"


class SafeHeaders:
    """Adds security headers to every answer; an endpoint may set its own Cache-Control."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self._app = app
        self._headers = dict(_HEADERS)
        if https:
            self._headers["Strict-Transport-Security"] = _YEAR

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, with_headers)


class BodyLimit:
    """Refuses a body that is too large, by what it says and by what it is."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        limit = next((most for way, most in _LIMITS.items() if way.match(path)), MAX_BODY)
        taken = 0
        declared = Headers(scope=scope).get("content-length", "0")

        async def counted() -> Message:
            nonlocal taken
            if declared.isdigit() and int(declared) > limit:
                raise HTTPException(413, f"a body has {limit} bytes at most here")
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > limit:
                raise HTTPException(413, f"a body has {limit} bytes at most here")
            return message

        await self._app(scope, counted, send)
