"""The other provider, asked through Authlib who somebody is.

Nothing here decides who may come in, and nothing else waits for the provider: when it is down,
what is asked of it fails within :data:`PATIENCE_S`.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.integrations.starlette_client import OAuthError, StarletteOAuth2App
from authlib.oidc.core import CodeIDToken
from joserfc.errors import JoseError
from pydantic import BaseModel

from anju_platform.auth.oidc.settings import OidcSettings
from anju_platform.config import LOOPBACK

log = logging.getLogger(__name__)

PATIENCE_S = 8.0
"""So long may everything take that one step of a log-in asks of the provider."""
KEPT_S = 60.0
"""So long is kept what it says of itself, and its keys: log-ins are rare, and that it is down
should be known before somebody's browser is sent there."""
LEEWAY_S = 60
"""So much may its clock differ from ours."""
AT_ONCE = 20
MOST_BYTES = 256 * 1024
_LONGEST_SUBJECT = 255
_BASIC, _POST = "client_secret_basic", "client_secret_post"
_ALGORITHMS = frozenset(f"{kind}{size}" for kind in ("RS", "PS", "ES") for size in (256, 384, 512))
"""Signatures that its public keys prove; neither none at all, nor one that a shared key makes."""

for noisy in ("authlib", "httpx2", "httpcore2"):  # they would write what proves a log-in
    logging.getLogger(noisy).setLevel(logging.WARNING)


class SilentError(Exception):
    """The provider does not answer, or not in time."""


class RefusedError(Exception):
    """The provider did not let somebody in, or they turned back there."""


class StaleError(RefusedError):
    """The provider did not ask for a password now: whoever it knows may have gone."""


class DoubtError(Exception):
    """What the provider says is not what it should be; nobody is let in by that."""


@dataclass(frozen=True, slots=True)
class Begun:
    """What was begun, and when (s since 1970), and proves a return: OIDC Core 3.1, RFC 7636."""

    state: str
    nonce: str
    verifier: str
    at: float


_MEANT: dict[str, type[Exception]] = {
    "invalid_grant": RefusedError,
    "access_denied": RefusedError,
    "server_error": SilentError,
    "temporarily_unavailable": SilentError,
}
"""What a provider's own word for it means (RFC 6749, 4.1.2.1 and 5.2)."""


def turned_back(word: str) -> Exception:
    """Give what it means that a browser comes back with a word and no code."""
    return _MEANT.get(word, RefusedError)()


class _Cut(httpx2.AsyncByteStream):
    """A body that ends in an error where it grows too large."""

    def __init__(self, whole: httpx2.AsyncByteStream) -> None:
        self._whole = whole

    async def __aiter__(self) -> AsyncIterator[bytes]:
        taken = 0
        async for piece in self._whole:
            taken += len(piece)
            if taken > MOST_BYTES:
                raise DoubtError(f"an answer of more than {MOST_BYTES} bytes")
            yield piece

    async def aclose(self) -> None:
        """Let go of it."""
        await self._whole.aclose()


class _Transport(httpx2.AsyncHTTPTransport):
    """Reads so much and no more."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Ask, and give what comes as far as it may."""
        request.headers["Accept-Encoding"] = "identity"
        answer = await super().handle_async_request(request)
        if "content-encoding" in answer.headers or not isinstance(
            answer.stream, httpx2.AsyncByteStream
        ):
            await answer.aclose()
            raise DoubtError("an answer that is packed, which nobody asked for")
        return httpx2.Response(
            answer.status_code,
            headers=answer.headers,
            stream=_Cut(answer.stream),
            extensions=answer.extensions,
        )


class _Client(AsyncOAuth2Client):  # type: ignore[misc]  # Authlib says no types
    """Authlib's client, which follows no redirect and uses no proxy."""

    def __init__(self, **known: Any) -> None:
        super().__init__(transport=_Transport(), timeout=PATIENCE_S, **known)


class _Metadata(BaseModel):
    """What we take of what a provider says of itself; the rest would set options of the client."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    id_token_signing_alg_values_supported: tuple[str, ...] = ("RS256",)
    token_endpoint_auth_methods_supported: tuple[str, ...] = (_BASIC,)

    def checked(self, issuer: str) -> dict[str, Any]:
        """Give it as Authlib reads it.

        Raises:
            DoubtError: it is another's, not encrypted, or signs nothing that we could check.
        """
        if self.issuer != issuer:
            raise DoubtError(f"it calls itself {self.issuer!r}")
        may_be_plain = urlsplit(issuer).scheme == "http"
        for url in (self.authorization_endpoint, self.token_endpoint, self.jwks_uri):
            parts = urlsplit(url)
            is_here = may_be_plain and parts.scheme == "http" and parts.hostname in LOOPBACK
            if not is_here and not (parts.scheme == "https" and parts.hostname):
                raise DoubtError(f"its address {url!r} does not begin with https")
        algorithms = _ALGORITHMS.intersection(self.id_token_signing_alg_values_supported)
        if not algorithms:
            raise DoubtError("it signs by nothing that we could check")
        known = self.model_dump(include={"issuer", "authorization_endpoint"})
        known |= self.model_dump(include={"token_endpoint", "jwks_uri"})
        if _BASIC not in self.token_endpoint_auth_methods_supported:
            known["token_endpoint_auth_method"] = _POST
        return known | {"id_token_signing_alg_values_supported": sorted(algorithms)}


class _App(StarletteOAuth2App):  # type: ignore[misc]  # Authlib says no types
    """Authlib's client of one provider, with what it leaves to its user."""

    client_cls = _Client

    def __init__(self, known: OidcSettings) -> None:
        super().__init__(
            framework=None,
            client_id=known.client_id,
            client_secret=known.client_secret,
            server_metadata_url=f"{known.issuer.rstrip('/')}/.well-known/openid-configuration",
            client_kwargs={"scope": "openid", "code_challenge_method": "S256"},
        )
        self._issuer = known.issuer
        self._one_asks = asyncio.Lock()
        self._good_until = 0.0

    def forget(self) -> None:
        """Ask anew next time."""
        self._good_until = 0.0

    async def load_server_metadata(self) -> dict[str, Any]:
        """Give what the provider says of itself, as of the last minute."""
        async with self._one_asks:
            if time.monotonic() > self._good_until:
                self.server_metadata: dict[str, Any] = {}
                said = await super().load_server_metadata()
                self.server_metadata = _Metadata.model_validate(said).checked(self._issuer)
                self._good_until = time.monotonic() + KEPT_S
            return self.server_metadata


class Provider:
    """The other provider of this installation."""

    def __init__(self, known: OidcSettings) -> None:
        self.name, self.issuer = known.name, known.issuer
        self._client_id, self._redirect_uri = known.client_id, known.redirect_uri
        self._says_when = known.says_when
        self._app = _App(known)
        self._asked_now = 0

    async def begin(self) -> tuple[str, Begun]:
        """Give the address to send a browser to, and what proves its return.

        Raises:
            SilentError: it does not answer.
            DoubtError: its answer makes no sense.
        """
        async with self._asking():
            # a duty desk's browser is shared: whoever logged out here is still known there
            made = await self._app.create_authorization_url(
                self._redirect_uri, prompt="login", max_age="0"
            )
            begun = (made["state"], made["nonce"], made["code_verifier"])
            return made["url"], Begun(*begun, at=time.time())

    async def subject(self, begun: Begun, code: str, iss: str | None = None) -> str:
        """Give who somebody is who came back with a code: the provider's own name for them.

        ``iss`` is who sent them back, if that was said (RFC 9207).

        Raises:
            SilentError: it does not answer.
            RefusedError: it does not know the code, or not any more.
            StaleError: it did not ask them for a password since this was begun.
            DoubtError: another sent them, or what it signed is not for us, now, for this.
        """
        if iss not in {None, self.issuer}:
            log.warning("it was not %s who sent somebody back", self.issuer)
            raise DoubtError
        async with self._asking():
            token = await self._app.fetch_access_token(
                redirect_uri=self._redirect_uri,
                grant_type="authorization_code",
                code=code,
                code_verifier=begun.verifier,
            )
            # Authlib asks for neither of them by itself
            wanted = {
                "iss": {"essential": True, "value": self.issuer},
                "aud": {"essential": True, "value": self._client_id},
            }
            claims = await self._app.parse_id_token(
                token,
                nonce=begun.nonce,
                claims_options=wanted,
                claims_cls=CodeIDToken,
                leeway=LEEWAY_S,
            )
            if claims is None:
                raise DoubtError("no id_token came")
            subject: str = claims["sub"]
            if not (0 < len(subject) <= _LONGEST_SUBJECT and subject.isascii()) or (
                not subject.isprintable()
            ):
                raise DoubtError("a subject that is none")
            self._check_when(claims.get("auth_time"), begun)
            return subject

    def _check_when(self, asked_at: Any, begun: Begun) -> None:
        """See that it asked for a password now; ``prompt`` and ``max_age`` are but wishes."""
        if asked_at is None:
            if self._says_when:
                raise StaleError("it gives no auth_time; see ANJU_OIDC_AUTH_TIME")
        elif not begun.at - LEEWAY_S <= asked_at <= time.time() + LEEWAY_S:
            raise StaleError("it asked for no password since this log-in began")

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[None]:
        """Bound what is asked, and say in a few words what went wrong."""
        if self._asked_now >= AT_ONCE:
            raise SilentError
        self._asked_now += 1
        try:
            async with asyncio.timeout(PATIENCE_S):
                yield
        except (TimeoutError, httpx2.HTTPError) as error:
            self._app.forget()
            log.warning("%s does not answer: %s", self.issuer, _in_short(error))
            raise SilentError from error
        except StaleError as error:
            log.warning("%s: %s", self.issuer, error)
            raise
        except OAuthError as error:  # it answers, and whoever comes with rubbish may hear it
            log.warning("%s refuses: %s", self.issuer, _in_short(error))
            raise _MEANT.get(str(error.error), DoubtError) from error
        except Exception as error:  # whatever a library makes of an answer that is none
            self._app.forget()  # it may have come with its keys, and be mended by now
            log.warning("%s is not to be relied on: %s", self.issuer, _in_short(error))
            raise DoubtError from error
        finally:
            self._asked_now -= 1


def _in_short(error: Exception) -> str:
    """Say what went wrong without what the provider said, but for the word of a standard."""
    match error:
        case OAuthError():
            return f"{str(error.error)[:80]!r}"
        case JoseError() | DoubtError() | httpx2.HTTPError():
            return f"{type(error).__name__} {str(error)[:200]!r}"
        case _:
            return type(error).__name__
