"""When an alert called for people, and when it was muted or an exercise: what answers wait for.

Nobody is late with what called nobody. Pure.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from anju_platform.database import Json

Step = tuple[datetime, str, Json]
"""When, what, and what was said of it, as the timeline has it."""
Spell = tuple[datetime, datetime | None]
"""From when, until when; null: it lasts."""
_DRILL = "drill"
_BEGINS = ("raised", "reopened")


def quiet_spells(detected_at: datetime, steps: Iterable[Step]) -> tuple[Spell, ...]:
    """Give when work, what explains it, or a drill kept an alert from calling, in order.

    What a person puts aside is none: they have seen it.
    """
    return tuple(_spells(detected_at, steps))


def _spells(detected_at: datetime, steps: Iterable[Step]) -> Iterator[Spell]:
    muted: set[str] = set()
    since: datetime | None = None
    for at, kind, said in steps:
        muted = _after(muted, kind, said)
        if muted and since is None:
            since = detected_at if kind == "raised" else at
        elif not muted and since is not None:
            yield since, at
            since = None
    if since is not None:
        yield since, None


def _after(muted: set[str], kind: str, said: Json) -> set[str]:
    """Give what mutes an alert after a step of its life."""
    if kind in _BEGINS:
        return {*said.get("muted", ()), *([_DRILL] if said.get("drill") else [])}
    if kind == "speaks":
        return muted & {_DRILL}
    if kind == "muted":
        return muted | {said["overlay"]}
    lifted = {*said.get("unmuted", ())}
    if kind == "unmuted":
        lifted.add(said["overlay"])
    if kind == "drill_over" or said.get("drill_over"):
        lifted.add(_DRILL)
    return muted - lifted


def answer(
    answers: Iterable[datetime], quiet: Sequence[Spell], steps: Iterable[Step]
) -> datetime | None:
    """Give the first answer that counts: what was told anew since was answered in vain before."""
    anew = max((at for at, kind, said in steps if _is_told_anew(kind, said)), default=None)
    for at in answers:
        in_vain = anew is not None and at < anew
        if not (in_vain and any(begin <= at < (over or at) for begin, over in quiet)):
            return at
    return None


def _is_told_anew(kind: str, said: Json) -> bool:
    """Tell whether an alert that was quiet calls people from that step on."""
    if kind == "reopened":
        return not said.get("muted") and not said.get("drill")
    lifted = kind == "rose" and bool(said.get("unmuted"))
    return kind in {"speaks", "drill_over"} or bool(said.get("drill_over")) or lifted


def called_for(start: datetime, end: datetime, quiet: Iterable[Spell]) -> timedelta:
    """Give for how long of a time an alert called, which is all of it but its quiet spells."""
    silent = timedelta(0)
    for begin, over in quiet:
        silent += max(timedelta(0), min(over or end, end) - max(begin, start))
    return max(timedelta(0), end - start - silent)
