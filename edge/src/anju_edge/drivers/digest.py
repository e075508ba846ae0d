"""Digest authentication, as SIP and HTTP share it: RFC 2617 with MD5, and RFC 2069 before it.

MD5 is what cameras speak: GB/T 28181-2016 9.1 and ONVIF name it. It keeps a password from
those who listen, and no more; it belongs on a network of its own.
"""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import md5

_PAIR = re.compile(r'([A-Za-z][A-Za-z0-9-]*)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')


@dataclass(frozen=True, slots=True)
class Login:
    """A name and its password in one realm."""

    user: str
    realm: str
    password: str


def parameters(header: str) -> dict[str, str] | None:
    """Give the parameters of a ``Digest ...`` header by lower-case name; None: another scheme."""
    scheme, _, rest = header.strip().partition(" ")
    if scheme.lower() != "digest":
        return None
    return {
        name.lower(): re.sub(r"\\(.)", r"\1", quoted) or plain
        for name, quoted, plain in _PAIR.findall(rest)
    }


def response(login: Login, method: str, said: Mapping[str, str]) -> str:
    """Give the ``response`` to what ``said`` names: nonce, uri and, with qop, nc and cnonce."""
    secret = _md5(f"{login.user}:{login.realm}:{login.password}")
    asked = _md5(f"{method}:{said.get('uri', '')}")
    nonce = said.get("nonce", "")
    if said.get("qop"):
        middle = f"{nonce}:{said.get('nc', '')}:{said.get('cnonce', '')}:{said['qop']}"
        return _md5(f"{secret}:{middle}:{asked}")
    return _md5(f"{secret}:{nonce}:{asked}")


def is_right(login: Login, method: str, said: Mapping[str, str]) -> bool:
    """Tell whether an answer shows that its sender knows the password."""
    if said.get("username") != login.user or said.get("realm") != login.realm:
        return False
    if said.get("algorithm", "MD5").upper() != "MD5" or said.get("qop", "auth") != "auth":
        return False
    known = response(login, method, said).encode()
    return hmac.compare_digest(known, said.get("response", "").lower().encode())


def answer(login: Login, method: str, uri: str, challenge: Mapping[str, str], cnonce: str) -> str:
    """Give the ``Authorization`` header that answers a challenge."""
    said = {"nonce": challenge.get("nonce", ""), "uri": uri}
    if "auth" in [one.strip() for one in challenge.get("qop", "").split(",")]:
        said |= {"qop": "auth", "nc": "00000001", "cnonce": cnonce}
    parts = [f'username="{login.user}"', f'realm="{login.realm}"']
    parts += [f'{name}="{said[name]}"' for name in ("nonce", "uri", "cnonce") if name in said]
    parts += [f"{name}={said[name]}" for name in ("qop", "nc") if name in said]
    parts += [f'response="{response(login, method, said)}"', "algorithm=MD5"]
    if "opaque" in challenge:
        parts.append(f'opaque="{challenge["opaque"]}"')
    return "Digest " + ", ".join(parts)


def _md5(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()
