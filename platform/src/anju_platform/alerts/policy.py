"""Who hears of an alert when nobody takes it on: plans of steps, as data and pure decisions."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec

from anju_platform.auth.rights import TOLD
from anju_platform.database import from_millis, to_millis
from anju_platform.errors import InvalidRequestError, Phrase

log = logging.getLogger(__name__)

P = TypeVar("P", bound="Policy")

FIRST = "first"
"""A target: whoever was told when the alert was raised."""
MOST_CONTACTS = 9
"""So many of a home's contacts can be called, one after the other."""
_CONTACTS = frozenset(str(number) for number in range(1, MOST_CONTACTS + 1))
_NUMBERED = ("user", "group", "rota")
_DIGITS = 19
MOST_STEPS = 20
MOST_TARGETS = 20
FIRST_WITHIN: Mapping[int, timedelta] = {
    1: timedelta(minutes=5),
    2: timedelta(minutes=30),
    3: timedelta(hours=4),
    4: timedelta(days=7),
}
"""A plan's first step comes no later: what a life hangs on cannot be planned to wait."""
LONGEST = timedelta(days=7)
_LONGEST_REPEAT_S = 3_600

GOOD_FOR: Mapping[int, timedelta] = {
    1: timedelta(minutes=5),
    2: timedelta(minutes=30),
    3: timedelta(hours=4),
    4: timedelta(hours=24),
}
"""So long an acknowledgement is good for while its condition lasts (semantics; ADR 24)."""


class Step(msgspec.Struct, frozen=True):
    """``after_s`` seconds after the alert was raised, ``to`` are told.

    A target is ``first``, ``role:<role>``, ``rota:<id>`` (whoever is on duty then),
    ``group:<id>``, ``user:<id>`` or ``contacts:<n>`` (the n-th of those to call for the home).
    """

    after_s: int
    to: tuple[str, ...]


class Policy(msgspec.Struct, frozen=True):
    """Steps in order; the last one is told again after ``repeat_s`` seconds, for ever.

    Each repetition waits twice as long as the one before, up to an hour: who has heard it ten
    times hears nothing new.
    """

    steps: tuple[Step, ...]
    repeat_s: int

    def step(self, number: int) -> Step:
        """Give the step of that number, from 0; the last one goes on."""
        return self.steps[min(number, len(self.steps) - 1)]

    def due(self, number: int, since: datetime, told_at: datetime) -> datetime:
        """Give when a step is due, for an alert that began ``since``.

        A repetition counts from when it was told last: what was missed in an outage is not
        made up for by telling it many times.
        """
        if number < len(self.steps):
            return since + timedelta(seconds=self.steps[number].after_s)
        times = min(number - len(self.steps), 16)
        longest = max(self.repeat_s, _LONGEST_REPEAT_S)
        return told_at + timedelta(seconds=min(self.repeat_s * 2**times, longest))


class Begun(Policy, frozen=True):
    """The plan an alert goes by: as it was ``since`` (epoch ms) for its ``severity``."""

    since: int
    severity: int

    def is_due(self, number: int, told_at: datetime) -> datetime:
        """Give when a step is due."""
        return self.due(number, from_millis(self.since), told_at)


def begin(policy: Policy, severity: int, since: datetime) -> Begun:
    """Give the plan for an alert that begins now."""
    return Begun(policy.steps, policy.repeat_s, to_millis(since), severity)


def begun(stored: Mapping[str, Any] | None) -> Begun | None:
    """Read the plan an alert goes by; nothing if it has not begun, or nobody can read it."""
    return None if stored is None else _read(stored, Begun)


def read(stored: Mapping[str, Any]) -> Policy | None:
    """Read a plan; nothing if it is one of another release that nobody here can read."""
    return _read(stored, Policy)


def _read(stored: Mapping[str, Any], kind: type[P]) -> P | None:
    try:
        return msgspec.convert(stored, kind)
    except msgspec.ValidationError:
        log.exception("a plan cannot be read; the product's own is in force instead")
        return None


def _policy(repeat_s: int, *steps: tuple[int, tuple[str, ...]]) -> Policy:
    return Policy(tuple(Step(after_s, to) for after_s, to in steps), repeat_s)


DEFAULTS: Mapping[int, Policy] = {
    1: _policy(
        60,
        (60, (FIRST, "role:property")),
        (120, (FIRST, "role:property", "role:admin")),
    ),
    2: _policy(180, (144, (FIRST, "role:property")), (180, (FIRST, "role:property", "role:admin"))),
    3: _policy(900, (720, (FIRST, "role:property")), (900, (FIRST, "role:property", "role:admin"))),
    4: _policy(86_400, (86_400, (FIRST, "role:property"))),
}
"""By severity, where a community has no plan of its own (product: severity and reaction).

P1 is told each minute; of P2 and P3 the team lead hears at 80 % of the time that is
given to acknowledge, the office when it is over; P4 is told once a day.
"""


def check(policy: Policy, severity: int) -> None:
    """Check a plan that somebody wrote for a severity.

    Raises:
        InvalidRequestError: it says what is wrong, and where.
    """
    if not 1 <= len(policy.steps) <= MOST_STEPS:
        raise InvalidRequestError(
            "a plan has 1 to {most} steps, not {steps}",
            most=MOST_STEPS,
            steps=len(policy.steps),
        )
    before = 0
    for number, step in enumerate(policy.steps, start=1):
        where = Phrase("step {n}", n=number)
        if not 1 <= len(step.to) <= MOST_TARGETS:
            raise InvalidRequestError(
                "{where} tells {count}: name 1 to {most} in 'to'",
                where=where,
                count=len(step.to) or Phrase("nobody"),
                most=MOST_TARGETS,
            )
        if not before < step.after_s <= LONGEST.total_seconds():
            raise InvalidRequestError(
                "{where} comes after {after_s} s: it must be more than the step before"
                " ({before} s) and at most {days} days",
                where=where,
                after_s=step.after_s,
                before=before,
                days=LONGEST.days,
            )
        for target in step.to:
            _check_target(target, where)
        before = step.after_s
    first = FIRST_WITHIN[severity].total_seconds()
    if policy.steps[0].after_s > first:
        raise InvalidRequestError(
            "step 1 of a P{severity} comes within {first:.0f} s", severity=severity, first=first
        )
    if not 30 <= policy.repeat_s <= LONGEST.total_seconds():  # noqa: PLR2004 - said below
        raise InvalidRequestError(
            "repeat_s must be 30 s to 7 days: when the last step is told again"
        )


def _check_target(target: str, where: Phrase) -> None:
    kind, _, name = target.partition(":")
    known = (
        target == FIRST
        or (kind == "role" and name in TOLD)
        or (kind in _NUMBERED and name.isascii() and name.isdecimal() and len(name) < _DIGITS)
        or (kind == "contacts" and name in _CONTACTS)
    )
    if not known:
        roles = ", ".join(f"role:{role}" for role in sorted(TOLD))
        raise InvalidRequestError(
            "{where} tells {target!r}: it must be {first!r}, one of {roles}, rota:<id>,"
            " group:<id>, user:<id>, or contacts:<1 to {most}>",
            where=where,
            target=target,
            first=FIRST,
            roles=roles,
            most=MOST_CONTACTS,
        )
