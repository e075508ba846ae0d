"""Whom the targets of a step mean at the moment it is due: who is there now, and never nobody."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from sqlalchemy.orm import Session

from anju_platform.alerts.policy import FIRST
from anju_platform.alerts.telling import meant
from anju_platform.auth.model import Role, User
from anju_platform.auth.repository import families
from anju_platform.database import Json
from anju_platform.duty import repository as duty
from anju_platform.duty.on_duty import OnDuty, on_duty
from anju_platform.escalation import repository
from anju_platform.escalation.repository import Relative
from anju_platform.notifications.contacts import contact_of, is_same_phone, plain_phone
from anju_platform.notifications.families import families_of
from anju_platform.notifications.outside.listing import outlets
from anju_platform.notifications.outside.routing import ADDRESSED, LEAST
from anju_platform.people.model import Contact
from anju_platform.people.repository import contacts

INSTEAD = (Role.PROPERTY, Role.ADMIN, Role.GUARD)
"""Who is told when there is nobody of those a step names."""
_TELEPHONE = "phone"


@dataclass(frozen=True, slots=True)
class About:
    """What an alert is about, as far as it decides who is called.

    ``home_is_told``: nobody of a home hears of a duress code. ``first`` gives whoever was told
    when it was raised.
    """

    household_id: int | None
    severity: int
    home_is_told: bool
    first: Callable[[], Iterable[str]]


@dataclass(slots=True)
class Called:
    """Whom a step reaches (``to``), and what there is to say of that.

    ``nobody``: the names of groups without anybody; ``holes``: of rotas without; ``overlaps``:
    of rotas that nobody has taken over at the change of shift; ``by_hand``: the numbers of the
    home's contacts whom nothing of ours reaches, so somebody must call them; ``missing``: the
    numbers of contacts there are not.
    """

    to: list[str] = field(default_factory=list)
    nobody: list[str] = field(default_factory=list)
    holes: list[str] = field(default_factory=list)
    overlaps: list[str] = field(default_factory=list)
    by_hand: list[int] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    instead: bool = False

    def said(self) -> Json:
        """Give what the timeline keeps of it besides whom it reaches."""
        names = ("nobody", "holes", "overlaps", "by_hand", "missing")
        return {name: value for name in names if (value := getattr(self, name))}


class Callees:
    """Who can be called in a community at a moment; what is learnt is kept for the next step."""

    def __init__(self, session: Session, community_id: int, at: datetime) -> None:
        self._session, self._community_id, self._at = session, community_id, at
        self._homes: dict[int, tuple[list[Contact], list[Relative]]] = {}

    def call(self, targets: Iterable[str], about: About) -> Called:
        """Give whom targets mean; where none of them is staff, somebody else who is, too."""
        called = Called()
        named: list[str] = []
        for target in targets:
            kind, _, name = target.partition(":")
            if target == FIRST:
                named += about.first()
            elif kind == "group":
                named += self._group(target, int(name), called)
            elif kind == "rota":
                named += self._rota(target, int(name), called)
            elif kind == "contacts":
                named += self._contact(int(name), about, called)
            else:
                named.append(target)
        called.to = self._there(named, about)
        if not any(one in self._staff for one in called.to):  # nobody else can close anything
            there = (f"role:{role}" for role in INSTEAD if f"role:{role}" in self._staff)
            called.to += list(there)[:1]
            called.instead = True
        return called

    def _there(self, named: Iterable[str], about: About) -> list[str]:
        people = (meant(about.household_id, one) for one in named)
        return [
            one
            for one in dict.fromkeys(people)
            if one in self._staff
            or (about.home_is_told and (one in self._families or one in self._of_homes))
        ]

    @cached_property
    def able(self) -> Mapping[int, User]:
        """Give who can do something about any alert."""
        return duty.able(self._session, self._community_id)

    @cached_property
    def _staff(self) -> frozenset[str]:
        return frozenset(
            name for user in self.able.values() for name in (f"role:{user.role}", f"user:{user.id}")
        )

    @cached_property
    def _families(self) -> frozenset[str]:
        return families_of(families(self._session, self._community_id).values())

    @property
    def _of_homes(self) -> frozenset[str]:
        """Give those whom contacts turned out to be."""
        return frozenset(
            name
            for home, (of_home, relatives) in self._homes.items()
            for name in (
                *(f"user:{one.user_id}" for one in relatives),
                *(contact_of(home, number) for number, _ in enumerate(of_home, start=1)),
            )
        )

    def _group(self, target: str, group_id: int, called: Called) -> list[str]:
        there = [user.id for user in self._groups.get(group_id, ()) if user.id in self.able]
        if not there:
            called.nobody.append(self._names.get(target, target))
        return [f"user:{one}" for one in there]

    @cached_property
    def _groups(self) -> Mapping[int, list[User]]:
        return duty.members(self._session, self._community_id)

    def _rota(self, target: str, rota_id: int, called: Called) -> list[str]:
        name = self._names.get(target, target)
        stands = self._rotas.get(rota_id)
        if stands is None:  # it was removed since the alert began
            called.nobody.append(name)
            return []
        told = [f"user:{one}" for one in sorted(stands.told)]
        if stands.hole is not None:
            called.holes.append(name)
            return [*told, f"role:{stands.rota.fallback}"]
        if stands.open_change is not None:
            called.overlaps.append(name)
        return told

    @cached_property
    def _rotas(self) -> Mapping[int, OnDuty]:
        found = duty.rotas(self._session, self._community_id)
        return on_duty(self._session, found, self._at, self.able)

    @cached_property
    def _names(self) -> Mapping[str, str]:
        return duty.target_names(self._session, self._community_id)

    def _contact(self, number: int, about: About, called: Called) -> list[str]:
        """Give a home's contact: by their account, else by their telephone, else by hand."""
        home = about.household_id if about.home_is_told else None
        of_home, relatives = self._home(home) if home is not None else ([], [])
        if home is None or number > len(of_home):
            called.missing.append(number)
            return []
        contact = of_home[number - 1]
        account = next((one for one in relatives if _is(one, contact)), None)
        told = [f"user:{account.user_id}"] if account else []
        if account is not None and account.proven & self._spoken:
            return told
        phone = plain_phone(contact.phone)
        is_called = about.severity <= LEAST and phone is not None and _TELEPHONE in self._spoken
        known = repository.home_phones(self._session, home).get(phone or "")
        if is_called and (known is None or known.gone_at is None):
            return [*told, contact_of(home, number)]
        called.by_hand.append(number)
        return told

    def _home(self, home: int) -> tuple[list[Contact], list[Relative]]:
        if home not in self._homes:
            relatives = repository.relatives(self._session, home)
            self._homes[home] = contacts(self._session, home), relatives
        return self._homes[home]

    @cached_property
    def _spoken(self) -> frozenset[str]:
        """Give the kinds of addresses that the community's channels speak to."""
        there = outlets(self._session, self._community_id)
        return frozenset(ADDRESSED[one.kind] for one in there if one.kind in ADDRESSED)


def _is(relative: Relative, contact: Contact) -> bool:
    """Tell whether somebody of a home's family is a contact: by telephone, else by name.

    Who belongs to several homes may share a neighbour's name.
    """
    is_named_so = relative.of_this_home and relative.name == contact.name
    return is_named_so or any(is_same_phone(one, contact.phone) for one in relative.phones)
