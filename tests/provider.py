"""A little OpenID provider on this machine: it signs, and lies as it is told."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jws
from joserfc.jwk import ECKey, KeySet, RSAKey

CLIENT = "anju-at-garden"
SECRET = "a secret nobody may log: s3cr3t"
Claims = dict[str, Any]


def settings(provider: OpenIdProvider, **changed: Any) -> dict[str, Any]:
    """What a web process is told of it."""
    known = {
        "oidc_issuer": provider.url,
        "oidc_client_id": CLIENT,
        "oidc_client_secret": SECRET,
        "oidc_name": "物业账号",
    }
    return known | changed


class OpenIdProvider:
    """Who comes is let in at once, as ``subject``.

    ``claims`` changes what an id_token says (None: leaves it out), ``algorithm`` how it is
    signed, ``signer`` with which key (None: the one that is published); ``metadata`` what it
    says of itself. It knows who comes, and for how long (``known_for_s``), and asks for a
    password all the same, unless ``asks_nobody``. ``answers`` are answers of its own,
    by path. ``denies`` turns people back, with that word.
    """

    def __init__(self, *, elliptic: bool = False) -> None:
        self.subject = "u-1001"
        self.claims: Claims = {}
        self.metadata: Claims = {}
        self.denies = ""
        self.known_for_s = 3600
        self.asks_nobody = False
        self.honours_codes_twice = False
        self.signer: Any = None
        self.answers: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {}
        self.asked: list[str] = []
        self.authorized: list[dict[str, str]] = []
        self.token_bodies: list[dict[str, str]] = []
        self._codes: dict[str, dict[str, str]] = {}
        self._elliptic = elliptic
        self.renew_key()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread: threading.Thread | None = None
        self.start()

    def start(self) -> None:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def stop(self) -> None:
        """Answer nobody any more, from now on."""
        if self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
            self._thread = None

    def renew_key(self) -> None:
        """Sign with a new key, and publish that alone."""
        named = {"kid": secrets.token_hex(4)}
        self.algorithm = "ES256" if self._elliptic else "RS256"
        if self._elliptic:
            self.key: Any = ECKey.generate_key("P-256", named)
        else:
            self.key = RSAKey.generate_key(2048, named)

    def lets_in(self, query: dict[str, str]) -> str:
        """Give the address that a browser is sent back to."""
        self.authorized.append(query)
        if self.denies:
            said = {"error": self.denies, "state": query["state"]}
        else:
            code = secrets.token_urlsafe(16)
            is_asked = not self.asks_nobody and query.get("max_age") == "0"
            at = int(time.time()) - (0 if is_asked else self.known_for_s)
            self._codes[code] = query | {"subject": self.subject, "auth_time": str(at)}
            said = {"code": code, "state": query["state"], "iss": self.url}
        return f"{query['redirect_uri']}?{urlencode(said)}"

    def gives(self, authorization: str, body: dict[str, str]) -> tuple[int, Claims]:
        """Give tokens for a code."""
        self.token_bodies.append(body)
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        is_known = authorization == f"Basic {basic}" or body.get("client_secret") == SECRET
        code = body.get("code", "")
        begun = self._codes.get(code) if self.honours_codes_twice else self._codes.pop(code, None)
        if not is_known:
            return 401, {"error": "invalid_client", "error_description": SECRET}
        proof = hashlib.sha256(body.get("code_verifier", "").encode()).digest()
        challenge = _packed(proof)
        if (
            begun is None
            or body.get("grant_type") != "authorization_code"
            or (begun["code_challenge"], begun["code_challenge_method"]) != (challenge, "S256")
            or begun["redirect_uri"] != body.get("redirect_uri")
        ):
            return 400, {"error": "invalid_grant"}
        tokens = {"access_token": secrets.token_hex(8), "token_type": "Bearer", "expires_in": 60}
        return 200, tokens | {"id_token": self.id_token(begun)}

    def id_token(self, begun: dict[str, str]) -> str:
        moment = int(time.time())
        claims: Claims = {
            "iss": self.url,
            "sub": begun["subject"],
            "aud": CLIENT,
            "iat": moment,
            "exp": moment + 300,
            "nonce": begun["nonce"],
            "auth_time": int(begun["auth_time"]),
            "email": "chenjing@example.org",
            "email_verified": True,
        }
        said = {name: value for name, value in (claims | self.claims).items() if value is not None}
        if self.algorithm in {"none", "HS256"}:
            return self._forged(said)
        key = self.signer or self.key
        header = {"alg": self.algorithm, "kid": key.kid}
        text = json.dumps(said)
        return jws.serialize_compact(header, text, key, algorithms=[self.algorithm])

    def _forged(self, said: Claims) -> str:
        """Sign with nothing, or with the public key as if it were a secret that both share."""
        head = {"alg": self.algorithm, "kid": self.key.kid}
        signed = ".".join(_packed(json.dumps(each).encode()) for each in (head, said))
        shared: bytes = self.key.as_pem(private=False)
        mark = hmac.digest(shared, signed.encode(), "sha256") if head["alg"] == "HS256" else b""
        return f"{signed}.{_packed(mark)}"

    def itself(self) -> Claims:
        """What it says of itself; it claims to sign in ways that nobody should take."""
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["none", "HS256", "RS256", "ES256"],
            "timeout": None,
            "verify": False,
        } | self.metadata

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.serve(self, "")

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                provider.serve(self, body.decode())

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        return Handler

    def serve(self, to: BaseHTTPRequestHandler, body: str) -> None:
        parts = urlsplit(to.path)
        self.asked.append(parts.path)
        with suppress(OSError):  # whoever asked has gone
            if parts.path in self.answers:
                self.answers[parts.path](to)
            elif parts.path == "/.well-known/openid-configuration":
                send(to, self.itself())
            elif parts.path == "/keys":
                send(to, dict(KeySet([self.key]).as_dict(private=False)))
            elif parts.path == "/authorize":
                to.send_response(302)
                to.send_header("Location", self.lets_in(_flat(parts.query)))
                to.send_header("Content-Length", "0")
                to.end_headers()
            elif parts.path == "/token":
                status, said = self.gives(to.headers.get("Authorization", ""), _flat(body))
                send(to, said, status)
            else:
                send(to, {}, 404)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Say nothing: whoever asked has gone."""


def send(to: BaseHTTPRequestHandler, said: Any, status: int = 200, **headers: str) -> None:
    """Answer with JSON, or with bytes as they are."""
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    to.send_response(status)
    to.send_header("Content-Type", "application/json")
    to.send_header("Content-Length", str(len(body)))
    for name, value in headers.items():
        to.send_header(name.replace("_", "-"), value)
    to.end_headers()
    to.wfile.write(body)


def _packed(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _flat(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query).items()}
