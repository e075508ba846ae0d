"""Which hosts may be spoken to: nobody makes the platform knock at doors inside the house.

Addresses outside are typed in or come from browsers. One that leads to this machine or its
network could reach what only this machine may (SSRF), unless the operator names it. A name is
looked up once, and what was found is what is spoken to: it cannot lead elsewhere a moment later.
"""

import ipaddress
import socket
import threading
from collections.abc import Collection
from contextlib import suppress
from typing import Any
from urllib.parse import SplitResult, urlsplit

from anju_platform.errors import Phrase
from anju_platform.notifications.outside.carriers.carrier import LOOK_UP_S, NotTakenError

_DISGUISES = tuple(
    ipaddress.ip_network(each)
    for each in (
        "::/96",
        "::ffff:0:0:0/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2002::/16",
        "2001::/32",
        "fec0::/10",
    )
)
"""IPv6 in which an IPv4 address travels (RFC 4291, 6052, 3056, 4380), and the former site-local."""
_INSIDE = "it leads into the own network; only hosts in ANJU_INSIDE_HOSTS may"

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Hosts:
    """``inside``: hosts of the own network that channels may speak to, as the operator says."""

    def __init__(self, inside: Collection[str] = ()) -> None:
        self._inside = frozenset(host.lower() for host in inside)

    def fault(self, url: str) -> Phrase | None:
        """Say why an https URL is not to be spoken to, before anybody looks its name up.

        Plain http is for hosts of the own network alone.
        """
        parts = _split(url)
        if parts is None:
            return Phrase("it is not a URL")
        if parts.scheme != "https" and not (parts.scheme == "http" and self.is_inside(url)):
            return Phrase("it must begin with https://")
        if "@" in parts.netloc:
            return Phrase("it names a user; put passwords into the path or the query")
        return self.host_fault(url)

    def host_fault(self, url: str) -> Phrase | None:
        """Say why the host of a URL is not to be spoken to, whatever its scheme."""
        parts = _split(url)
        if parts is None or not parts.hostname:
            return Phrase("it names no host")
        try:
            address = ipaddress.ip_address(parts.hostname)
        except ValueError:
            return None
        return None if self.is_inside(url) or _is_outside(address) else Phrase(_INSIDE)

    def is_inside(self, url: str) -> bool:
        """Tell whether a URL's host is one of the own network that may be spoken to."""
        parts = _split(url)
        return parts is not None and (parts.hostname or "") in self._inside

    def vetted(self, host: str) -> list[tuple[int, str]]:
        """Look a name up; give (family, address) of what may be spoken to.

        Raises:
            NotTakenError: it leads into the own network, there is no such host, or nobody says
                so within :data:`.carrier.LOOK_UP_S`.
        """
        found = looked_up(host)
        if not found:
            raise NotTakenError(f"there is no such host ({host[:80]})")
        pairs = list(dict.fromkeys((each[0], str(each[4][0])) for each in found))
        if host.lower() not in self._inside and not all(
            _is_outside(ipaddress.ip_address(address.split("%")[0])) for _, address in pairs
        ):
            raise NotTakenError(_INSIDE)
        return [(int(family), address) for family, address in pairs]


def looked_up(host: str) -> list[Any]:
    """Look a name up; nothing if there is none, or nobody answers in time."""
    found: list[Any] = []

    def look() -> None:
        with suppress(OSError, UnicodeError):
            found.extend(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM))

    # the system's own resolver may take half a minute, and cannot be told to hurry
    looking = threading.Thread(target=look, name="looks a host up", daemon=True)
    looking.start()
    looking.join(LOOK_UP_S)
    return list(found)


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    # what looks like a letter and is a digit to others would lead elsewhere than we judge
    is_plain = url.isascii() and url.isprintable() and " " not in url and "\\" not in url
    return parts if parts.scheme and is_plain else None


def _is_outside(address: Address) -> bool:
    address = getattr(address, "ipv4_mapped", None) or address
    if not address.is_global or address.is_multicast:
        return False
    return not any(
        address in network for network in _DISGUISES if network.version == address.version
    )
