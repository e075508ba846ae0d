"""Is somebody at home, and since when is it quiet there? From the door and what goes on inside.

People leave and come through the entry door: a proof that somebody is inside, later than the
door closed last, means they stayed or came in; none for a while after it means they left.
Before anything is known the answer is unknown, never a guess. Who is declared away
(``p.away``) is out, whatever moves: somebody waters the plants.

Two things are told apart. A *proof* says that somebody is inside, such as a bed that is lain
in. A *sign* says that somebody did something just now, such as getting out of it: only signs
end a silence, for who lies in bed and does not stir may be in need.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal

import msgspec

from anju_rules.facts import Fact

SETTLE_MS = 15 * 60_000
"""How long after the door closed without any proof they are taken to be out."""
DRAWN_M3 = 0.003
"""Water drawn between two readings of a meter that is somebody's doing: more than a drip."""

_HOUR_MS = 3_600_000
PRESENT = {"pir": "motion", "bathroom_presence": "presence", "fall_radar": "presence"}
"""Sensors that see somebody, and the field that says so: proof and sign in one."""
_PRESSED = {"binary_sensor": "active", "sos_button": "pressed", "im_ok": "ok"}
"""Things inside that somebody must touch; a wearable may be pressed in the park."""
_DOOR = "door_contact"
LASTING = {"bed_mat": "in_bed", "stove_plug": "on", "water_meter": "total", _DOOR: "contact"}
"""Values that last: it is their change that says something."""
_SHUT, _OPEN = 0.0, 1.0
_DOOR_EVENTS = {"closed": _SHUT, "opened": _OPEN}
_DOOR_STATES = {"closed": _SHUT, "open": _OPEN}
MODELS = frozenset((*PRESENT, *_PRESSED, *LASTING, _DOOR))
"""Device models whose facts can tell anything here."""
FIELDS = {**PRESENT, **LASTING}
"""The field of a model that can; events besides."""


class HomeState(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known of a home, times in event time (ms).

    ``last_motion``: the last proof that somebody is inside; ``last_closed``: the entry door
    closed; ``last_sign``: the last sign of life, the door's opening and closing among them.
    ``lasting``: by device, the last value of what is told by its change.
    """

    last_motion: int = 0
    last_closed: int = 0
    last_sign: int = 0
    lasting: dict[str, float] = {}


def observe(state: HomeState | None, fact: Fact) -> HomeState | None:
    """Let a fact of the household tell what it may; gives the state, or None before any."""
    model = fact.model
    if model not in MODELS:
        return state
    before = state or HomeState()
    if model == _DOOR:
        return state if fact.retained else _door(before, fact) or state
    if model in LASTING:
        return _change(before, fact) or state
    if fact.values.get(PRESENT.get(model, "")) is True or (
        fact.event is not None and fact.event == _PRESSED.get(model) and not fact.retained
    ):
        return _stir(before, fact.at, before.lasting)
    return state


def _door(before: HomeState, fact: Fact) -> HomeState | None:
    """Let the entry door tell that somebody came or went; None when it says nothing new.

    Some contacts say an event, some only how they stand: there it is the change that counts,
    for a heartbeat that repeats "closed" is nobody. One that is older than what is known
    already (the lanes are not in step) says nothing.
    """
    stands = _DOOR_EVENTS.get(fact.event or "")
    happened = stands is not None
    was = before.lasting.get(fact.device)
    if stands is None:
        stands = _DOOR_STATES.get(str(fact.values.get(LASTING[_DOOR])))
        if stands is None or fact.at <= max(before.last_closed, before.last_sign):
            return None
        happened = was is not None and was != stands
    lasting = before.lasting if was == stands else {**before.lasting, fact.device: stands}
    if not happened:
        return HomeState(before.last_motion, before.last_closed, before.last_sign, lasting)
    closed = fact.at if stands == _SHUT else 0
    return HomeState(
        before.last_motion,
        max(before.last_closed, closed),
        max(before.last_sign, fact.at),
        lasting,
    )


def _stir(before: HomeState, at: int, lasting: dict[str, float]) -> HomeState:
    """Somebody inside did something."""
    return HomeState(
        max(before.last_motion, at), before.last_closed, max(before.last_sign, at), lasting
    )


def _change(before: HomeState, fact: Fact) -> HomeState | None:
    """Let a lasting value tell what its change says; None when it says nothing new."""
    value = fact.values.get(LASTING[fact.model])
    if not isinstance(value, bool | int | float):
        return None
    was = before.lasting.get(fact.device)
    lasting = before.lasting if was == value else {**before.lasting, fact.device: float(value)}
    at_home = before.last_motion > before.last_closed
    match fact.model:
        case "bed_mat":
            if was is not None and was != value:
                return _stir(before, fact.at, lasting)
            if value:
                motion = max(before.last_motion, fact.at)
                return HomeState(motion, before.last_closed, before.last_sign, lasting)
        case "stove_plug":
            # off may be a safety cut or a guard far away; on is somebody's hand
            if was is not None and value and not was:
                return _stir(before, fact.at, lasting)
        case _:
            # a washing machine draws water in an empty flat: no proof, but a sign at home
            if was is not None and value - was >= DRAWN_M3 and at_home:
                return _stir(before, fact.at, lasting)
    return HomeState(before.last_motion, before.last_closed, before.last_sign, lasting)


def home(
    state: HomeState | None, now: int, person: Mapping[str, Any] | None = None
) -> Literal["in", "out", "unknown"]:
    """Give ``in``, ``out`` or ``unknown`` at this moment; ``person`` is ``p.*``."""
    if person and are_away(person, now):
        return "out"
    if state is None or (state.last_motion == 0 and state.last_closed == 0):
        return "unknown"
    if state.last_motion > state.last_closed:
        return "in"
    return "out" if now - state.last_closed >= SETTLE_MS else "unknown"


def quiet_h(state: HomeState | None, now: int) -> float | None:
    """Give the hours since the last sign of life; None while there was none."""
    if state is None or state.last_sign == 0:
        return None
    return max(0, now - state.last_sign) / _HOUR_MS


def as_of(person: Mapping[str, Any], now: int) -> Mapping[str, Any]:
    """Give ``p.*`` at a moment: ``p.away`` is whether they are away then, not until when."""
    declared = person.get("away")
    if declared is None or isinstance(declared, bool):
        return person
    return {**person, "away": are_away(person, now)}


def are_away(person: Mapping[str, Any], now: int) -> bool:
    """Tell whether they are declared away: until ``away``, and not before ``away_since``."""
    since = person.get("away_since")
    if isinstance(since, str) and now < _until(since):
        return False
    return is_away(person.get("away"), now)


def is_away(declared: Any, now: int) -> bool:
    """Read ``p.away``: true, or until a time (epoch ms, or ISO 8601 with its offset)."""
    if isinstance(declared, bool) or declared is None:
        return declared is True
    if isinstance(declared, int | float):
        return now < declared
    return now < _until(declared) if isinstance(declared, str) else False


@lru_cache(maxsize=1024)
def _until(text: str) -> float:
    """Give the time a text names in epoch ms; what cannot be read holds nobody for away."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return 0.0
    return at.timestamp() * 1000 if at.tzinfo is not None else 0.0
