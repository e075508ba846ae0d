"""``sequence``: other things came before, in order, within so long.

They may come from different devices of one entity: a place, a home, a gate, a person.
"""

from typing import Annotated

import msgspec

from anju_rules.durations import Duration
from anju_rules.memory import Mark, Memory, Moment

_MOST_STEPS = 8


class Sequence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``after`` are conditions that became true one after the other before ``when`` does.

    From the first of them to ``when`` at most ``within`` pass. What comes between does not
    matter; of several beginnings the newest counts.
    """

    after: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=_MOST_STEPS)]
    within: Duration


def advance(sequence: Sequence, memory: Memory, mark: Mark) -> None:
    """Let a reading carry the beginnings on; one reading is one step, never two."""
    if not mark.steps:
        return
    empty: list[Moment] = []
    chains = memory.chains or [empty] * len(sequence.after)
    after = list(chains)
    for step in mark.steps:
        former = chains[step - 1] if step else empty
        if step == 0 or (former and mark.at - former[0].at <= sequence.within):
            after[step] = [*former, mark.moment]
    memory.chains = after


def completed(sequence: Sequence, memory: Memory, mark: Mark) -> list[Moment] | None:
    """Give what came before this YES, in order, if it all did."""
    chain = memory.chains[-1] if memory.chains else []
    if not chain or mark.at - chain[0].at > sequence.within:
        return None
    return chain


def over_at(sequence: Sequence, memory: Memory) -> int | None:
    """Give when the last beginning is too old to be completed."""
    begun = [chain[0].at for chain in memory.chains if chain]
    return max(begun) + sequence.within + 1 if begun else None
