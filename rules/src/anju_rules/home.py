"""Is somebody at home? From the entry door and from what moves inside.

People leave and come through the door: motion after the last door closing means somebody
stayed or came in; no motion for a while after it means they left. Before anything is known
the answer is unknown, never a guess.
"""

import msgspec

from anju_rules.facts import Fact

SETTLE_MS = 15 * 60_000
"""How long after the door closed without any motion they are taken to be out."""

_INSIDE = {
    "pir": "motion",
    "bathroom_presence": "presence",
    "bed_mat": "in_bed",
    "fall_radar": "presence",
}


class HomeState(msgspec.Struct, frozen=True, omit_defaults=True):
    """When something moved inside, and when the entry door last closed, in event time (ms)."""

    last_motion: int = 0
    last_closed: int = 0


def observe(state: HomeState | None, fact: Fact) -> HomeState | None:
    """Let a fact of the household tell what it may; gives the state, or None before any."""
    before = state or HomeState()
    inside = _INSIDE.get(fact.model)
    if inside is not None and fact.values.get(inside) is True:
        return HomeState(max(before.last_motion, fact.at), before.last_closed)
    # the event only: a heartbeat that says "closed" is not somebody who comes or goes
    if fact.model == "door_contact" and fact.event == "closed" and not fact.retained:
        return HomeState(before.last_motion, max(before.last_closed, fact.at))
    return state


def home(state: HomeState | None, now: int) -> str:
    """Give ``in``, ``out`` or ``unknown`` at this moment."""
    if state is None or (state.last_motion == 0 and state.last_closed == 0):
        return "unknown"
    if state.last_motion > state.last_closed:
        return "in"
    return "out" if now - state.last_closed >= SETTLE_MS else "unknown"
