"""Which hosts may be spoken to: nobody makes the platform knock at doors inside the house.

Addresses outside are typed in or come from browsers. One that leads to this machine or its
network could reach what only this machine may (SSRF), unless the operator names it.
"""

import ipaddress
import socket
from collections.abc import Collection
from urllib.parse import urlsplit

from anju_platform.notifications.outside.carriers.carrier import NotTakenError


class Hosts:
    """``inside``: hosts of the own network that channels may speak to, as the operator says."""

    def __init__(self, inside: Collection[str] = ()) -> None:
        self._inside = frozenset(host.lower() for host in inside)

    def fault(self, url: str, *, schemes: Collection[str] = ("https",)) -> str | None:
        """Say why a URL is not to be spoken to, before anybody looks its name up.

        Plain http is for hosts of the own network alone.
        """
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port
        except ValueError:
            return "it is not a URL"
        if not host:
            return "it names no host"
        plain = parts.scheme == "http" and host in self._inside
        if parts.scheme not in schemes and not plain:
            return f"it must begin with {' or '.join(f'{one}://' for one in schemes)}"
        return self._literal_fault(host)

    def _literal_fault(self, host: str) -> str | None:
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return None
        return None if host in self._inside or _is_outside(address) else _INSIDE

    def demand_outside(self, host: str) -> None:
        """Look a name up and refuse what leads into the own network.

        Raises:
            NotTakenError: it does, or there is no such host.
        """
        if host.lower() in self._inside:
            return
        try:
            found = {each[4][0] for each in socket.getaddrinfo(host, None)}
        except OSError as error:
            raise NotTakenError(f"there is no host {host}") from error
        if not all(_is_outside(ipaddress.ip_address(str(one).split("%")[0])) for one in found):
            raise NotTakenError(_INSIDE)


_INSIDE = "it leads into the own network; only hosts in ANJU_INSIDE_HOSTS may"


def _is_outside(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    mapped = getattr(address, "ipv4_mapped", None) or address
    return mapped.is_global and not mapped.is_multicast
