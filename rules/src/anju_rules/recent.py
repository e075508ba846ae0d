"""The readings of the last seconds: what may still be put in another order."""

from collections.abc import Sequence

import msgspec

from anju_rules.memory import EXCUSE, NEITHER, NO, Mark, Memory, State

PASSIVE = (NO, NEITHER, EXCUSE)
"""What a rule may say that changes nothing where nothing is going on."""
_MOST_QUIET = 16
"""So many quiet readings are kept for one that they may have overtaken: three a second."""
_replace = msgspec.structs.replace


def is_waiting(state: State) -> bool:
    """Say whether something is to be judged once no excuse for it can come any more."""
    if state.present.is_calm:
        return any(mark.signal not in PASSIVE for mark in state.recent)
    return bool(state.recent)


def without_settled(state: State, lateness: int, now: int) -> tuple[Memory, list[Mark]]:
    """Fold in all that nothing can precede any more at ``now``, or half of very many."""
    if state.recent and now - last_heard(state.recent) >= lateness:
        return _fold_in(state, len(state.recent))
    return without_half(state)


def without_half(state: State) -> tuple[Memory, list[Mark]]:
    """Fold in the older half of very many: a backlog comes at once, a device may chatter."""
    if len(state.recent) < _MOST_QUIET:
        return state.base, state.recent
    return _fold_in(state, _MOST_QUIET // 2)


def _fold_in(state: State, number: int) -> tuple[Memory, list[Mark]]:
    """Fold in the oldest readings where they change nothing but what excuses."""
    base, oldest = state.base, state.recent[:number]
    if not oldest or not base.is_calm or not are_passive(oldest):
        return base, state.recent
    excused_at = base.excused_at
    for one in oldest:
        if one.signal is EXCUSE:
            excused_at = one.at
    folded = _replace(base, last_at=oldest[-1].at, excused_at=excused_at)
    return folded, state.recent[number:]


def are_passive(marks: Sequence[Mark]) -> bool:
    """Say whether these change nothing where nothing is going on."""
    # a loop: this is asked at most readings, and a generator costs more than the answer
    for one in marks:  # noqa: SIM110
        if one.steps or one.signal not in PASSIVE:
            return False
    return True


def excused(state: State, at: int) -> State:
    """Give a state in which an excuse of before is known too."""
    latest = max(at, state.base.excused_at or 0, state.present.excused_at or 0)
    base = _replace(state.base, excused_at=max(at, state.base.excused_at or 0))
    return _replace(state, base=base, present=_replace(state.present, excused_at=latest))


def passed(state: State, marks: Sequence[Mark]) -> int | None:
    """Say until when time alone has decided, if that is later than the last of these."""
    return state.passed_at if not marks or state.passed_at >= marks[-1].at else None


def last_heard(marks: Sequence[Mark]) -> int:
    """Give when the last of them was received; 0 when there are none."""
    if len(marks) == 1:
        return marks[0].received_at
    return max([mark.received_at for mark in marks], default=0)
