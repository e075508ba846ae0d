"""How people are reached who do not look at a screen: pure decisions, in the order of trying.

What a life hangs on goes out on every way at once. Anything else goes the next way only when
nobody has the message after :data:`PATIENCE`; what can wait until the morning (P4) goes none.
An address that is not proven to be the person's is used, for a message there is better than
none, but where ways are taken one after the other it comes after all that are.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

from anju_platform.auth.model import Role
from anju_platform.notifications.families import families_of
from anju_platform.notifications.model import Kind

PATIENCE = timedelta(seconds=10)
"""A way has so long to say *delivered* before the next one is tried (semantics: telling people)."""
WITHOUT_DELAY = 1
"""At this severity every way is taken at once."""
LEAST = 3
"""Nobody is called away from what they do for less than this severity."""

ADDRESSED = {
    Kind.PUSH: "push",
    Kind.EMAIL: "email",
    Kind.SMS: "phone",
    Kind.VOICE: "phone",
}
"""What kind of address a channel speaks to; a robot has none: it speaks to its group."""


@dataclass(frozen=True, slots=True)
class Outlet:
    """A channel that can be used now."""

    id: int
    kind: Kind
    position: int
    roles: frozenset[str]


@dataclass(frozen=True, slots=True)
class Reachable:
    """A person, with the addresses they have: (kind, id, lane), and the homes of their family.

    ``unproven`` are those addresses of which nobody knows whether they are the person's;
    ``contact`` is who has no account, as a recipient.
    """

    user_id: int | None
    role: str
    addresses: tuple[tuple[str, int, str], ...]
    homes: frozenset[int] = frozenset()
    contact: str | None = None
    unproven: frozenset[int] = frozenset()

    def is_meant(self, kind: str, name: str) -> bool:
        """Tell whether ``<kind>:<name>`` names them."""
        match kind:
            case "role":  # which family is meant is never said by a role
                return self.role == name != Role.FAMILY
            case "user":
                return str(self.user_id) == name
            case "contact":
                return self.contact == f"{kind}:{name}"
            case _:
                return f"{kind}:{name}" in families_of([self.homes])


@dataclass(frozen=True, slots=True)
class Way:
    """One channel to one address, and after how long it is taken.

    ``lane``: of one channel what is said in different lanes goes to different services (a
    browser's push service), so that one of them keeps no other waiting.
    """

    user_id: int | None
    channel_id: int
    address_id: int | None
    after: timedelta
    lane: str = ""


def ways(
    recipient: str, severity: int, outlets: Sequence[Outlet], people: Iterable[Reachable]
) -> list[Way]:
    """Give the ways to a recipient (see :meth:`Reachable.is_meant`), the first ones first."""
    if severity > LEAST:
        return []
    kind, _, name = recipient.partition(":")
    meant = [one for one in people if one.is_meant(kind, name)]
    ordered = sorted(outlets, key=lambda one: (one.position, one.id))
    found: list[Way] = []
    tried: Counter[int | None] = Counter()
    for is_proven in (True, False):
        for outlet in ordered:
            targets = _targets(outlet, meant, is_proven=is_proven)
            if outlet.kind is Kind.ROBOT and is_proven and kind == "role" and name in outlet.roles:
                targets = [(None, None, "")]
            tried.update({user_id for user_id, _, _ in targets})
            found += [
                Way(user_id, outlet.id, address_id, _after(severity, tried[user_id]), lane)
                for user_id, address_id, lane in targets
            ]
    rank = {outlet.id: number for number, outlet in enumerate(ordered)}
    return sorted(found, key=lambda way: (way.after, rank[way.channel_id]))


_Target: TypeAlias = tuple[int | None, int | None, str]
"""A person, their address, and the lane it is in."""


def _targets(outlet: Outlet, meant: Iterable[Reachable], *, is_proven: bool) -> list[_Target]:
    spoken = ADDRESSED.get(outlet.kind)
    return [
        (one.user_id, address_id, lane)
        for one in meant
        for of, address_id, lane in one.addresses
        if of == spoken and (address_id not in one.unproven) is is_proven
    ]


def _after(severity: int, rank: int) -> timedelta:
    """Give when a person's channel of that rank, from 1, has its turn."""
    return timedelta(0) if severity <= WITHOUT_DELAY else rank * PATIENCE


LETTERED = (Kind.PUSH, Kind.EMAIL, Kind.SMS)
"""Ways of what can wait: nobody is called, and no group told, about one family's week."""


def letter_ways(person: Reachable, outlets: Sequence[Outlet]) -> list[Way]:
    """Give the ways of a letter: a person's proven addresses on the first channel that has any.

    One channel alone: most give no receipt, and a letter that is told twice tells nothing more.
    """
    for outlet in sorted(outlets, key=lambda one: (one.position, one.id)):
        targets = _targets(outlet, [person], is_proven=True)
        if outlet.kind in LETTERED and targets:
            return [
                Way(user_id, outlet.id, address_id, timedelta(0), lane)
                for user_id, address_id, lane in targets
            ]
    return []
