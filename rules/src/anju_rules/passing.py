"""Readings that pass by: nothing is going on, and they change nothing. The common case.

It is kept cheap, for most of what a reading costs is to touch what is remembered of its
entity. The memories stay as they are (one and the same where nothing ever was), and only
the newest reading is put in its place; :func:`awake` works in what passed by before
anything happens.

Cheaper still is to touch no memory at all: whoever knows that nothing is going on
(:func:`rests_until`) may keep quiet readings elsewhere, for many rules at once, and let them
pass by later (:func:`pass_all`).
"""

from collections.abc import Iterable, Sequence

import msgspec

from anju_rules.memory import (
    CALM,
    EXCUSE,
    NEITHER,
    NO,
    UNKNOWN,
    Mark,
    Memory,
    Signal,
    State,
    Told,
)

MOST_RECENT = 64
"""So many readings are kept to be put in another order, however a device chatters."""
MOST_QUIET = 16
"""So many quiet readings are kept for one that they may have overtaken: three a second."""
_PASSIVE = (NO, NEITHER, UNKNOWN, EXCUSE)
"""What a rule may say that changes nothing where nothing is going on."""
_NO_MARKS: list[Mark] = []
_NONE_TOLD: list[Told] = []
_replace = msgspec.structs.replace

Quiet = tuple[int, int, Signal]
"""A quiet reading: its time and when it was received (epoch ms), and what it says to a rule."""


def pass_by(state: State, mark: Mark, lateness: int, *, excusable: bool) -> State | None:
    """Keep a quiet reading for as long as one that it may undo can still come.

    Give nothing where it is not quiet: something is going on, or waits for an excuse
    (``excusable``), or this changes something, or comes out of order.
    """
    present, recent, at = state.present, state.recent, mark.at
    if mark.signal not in _PASSIVE or mark.steps:
        return None
    if at <= present.last_at or not (present is CALM or present.is_calm):
        return None
    last = state.newest or (recent[-1] if recent else None)
    if last is not None and (at <= last.at or len(recent) >= MOST_RECENT):
        return None
    if excusable:
        # what waits for an excuse is not judged yet, and its timer runs
        if not are_passive(recent):
            return None
        present = _excused(present, recent)
    if last is None or mark.received_at - state.heard_at >= lateness:
        base, settled_at = present, last.at if last is not None else 0
        recent, told = _NO_MARKS, _NONE_TOLD
    else:
        state = _kept(state)
        base, settled_at, recent, told = state.base, state.settled_at, state.recent, state.told
    if excusable and mark.signal is EXCUSE:
        present = _excused(present, (mark,))
    return _replace(
        state,
        base=base,
        present=present,
        recent=recent,
        newest=mark,
        told=told,
        heard_at=max(mark.received_at, state.heard_at),
        settled_at=settled_at,
    )


def rests_until(state: State) -> int | None:
    """Give up to when (event time) nothing has been going on; None where something is.

    As long as quiet readings follow, in order, each passes by.
    """
    base, present, recent, newest = state.base, state.present, state.recent, state.newest
    if not (present.is_calm and base.is_calm) or state.audible or state.hushed:
        return None
    if len(recent) >= MOST_QUIET or not are_passive(recent):
        return None
    last = newest or (recent[-1] if recent else None)
    until = max(base.last_at, present.last_at, state.settled_at)
    return until if last is None else max(until, last.at)


def pass_all(
    state: State,
    device: str,
    quiet: Iterable[Quiet],
    lateness: int,
    settled: tuple[int, int] | None = None,
) -> State:
    """Let quiet readings of a device pass by: of a state at rest, in order, later than all of it.

    ``settled`` is when one before them was said and received: what is older than that is no
    longer put in order.

    Raises:
        ValueError: one does not pass by.
    """
    if settled is not None:
        at, received_at = settled
        present = _replace(awake(state).present, last_at=at)
        heard_at = max(state.heard_at, received_at)
        state = _replace(
            state,
            base=present,
            present=present,
            recent=[],
            newest=None,
            told=[],
            settled_at=0,
            heard_at=heard_at,
        )
    for at, received_at, signal in quiet:
        mark = Mark(at, signal, received_at, device=device)
        passed = pass_by(state, mark, lateness, excusable=False)
        if passed is None:
            raise ValueError(f"{state.key} was not at rest at {at}")
        state = passed
    return state


def awake(state: State) -> State:
    """Give the state with what passed by worked into its memories."""
    newest = state.newest
    if newest is None:
        return state
    base, present = state.base, state.present
    if state.settled_at > base.last_at:
        base = _replace(base, last_at=state.settled_at)
    if newest.at > present.last_at:
        present = _replace(present, last_at=newest.at)
    recent = [*state.recent, newest]
    return _replace(state, base=base, present=present, recent=recent, newest=None, settled_at=0)


def are_passive(marks: Sequence[Mark]) -> bool:
    """Say whether these change nothing where nothing is going on."""
    # a loop: this is asked at many readings, and a generator costs more than the answer
    for one in marks:  # noqa: SIM110
        if one.steps or one.signal not in _PASSIVE:
            return False
    return True


def _kept(state: State) -> State:
    """Keep the newest with those before; of very many, the older half is folded in.

    A backlog comes at once, a device may chatter.
    """
    recent = state.recent if state.newest is None else [*state.recent, state.newest]
    half = MOST_QUIET // 2
    base, oldest = state.base, recent[:half]
    if len(recent) < MOST_QUIET or not base.is_calm or not are_passive(oldest):
        return _replace(state, recent=recent)
    base = _excused(base, oldest)
    return _replace(state, base=base, recent=recent[half:], settled_at=oldest[-1].at)


def _excused(memory: Memory, marks: Sequence[Mark]) -> Memory:
    """Give what is known once these have passed by: of all that, only an excuse is kept."""
    for one in marks:
        if one.signal is EXCUSE and one.at > (memory.excused_at or 0):
            memory = _replace(memory, excused_at=one.at)
    return memory
