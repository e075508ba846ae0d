"""The readings of the last seconds: what may still be put in another order."""

from collections.abc import Sequence

import msgspec

from anju_rules.memory import Mark, State
from anju_rules.passing import are_passive

_replace = msgspec.structs.replace


def is_waiting(state: State) -> bool:
    """Say whether something is to be judged once no excuse for it can come any more."""
    if state.present.is_calm:
        return not are_passive(state.recent)
    return bool(state.recent)


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
