"""What of a report somebody sees: alerts of homes are care data, if only by their number."""

from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy.orm import Session

from anju_platform.auth.actor import Actor
from anju_platform.auth.rights import Right
from anju_platform.backtest.jobs import repository
from anju_platform.database import Json
from anju_platform.people.service import note_look

_BY_ENTITY = ("entities", "appear", "disappear")
"""The lists of a report whose every line names a device, a place or a home."""


def shown(session: Session, actor: Actor, job_id: int, report: Json) -> Json:
    """Give a report as the actor may see it, and put the look on the record of each home in it.

    Without the right to see care nothing is said of one home: only totals. What is not known to
    be outside of homes (any more) counts as in one.
    """
    named = {str(line.get("entity")) for line in _lines(report)}
    homes = repository.homes_of(session, actor.community_id, named)
    if actor.may(Right.SEE_CARE):
        for household_id in sorted({home for _, home in homes}):
            note_look(session, actor, household_id, reason={"backtest": job_id})
        return report
    elsewhere = repository.elsewhere(session, actor.community_id, named)
    public = elsewhere - {entity for entity, _ in homes}
    return dict(_without(report, lambda entity: entity in public))


def names(session: Session, community_id: int, report: Json) -> dict[str, tuple[str, str]]:
    """Give how people call what a report names, in Chinese and in English.

    Of a report as the actor may see it: whatever is named in it is answered.
    """
    named = {str(line.get("entity")) for line in _lines(report)}
    return repository.names(session, community_id, named | _gateways(report))


def _gateways(report: Json) -> set[str]:
    data = report.get("data")
    blind = data.get("blind", ()) if isinstance(data, dict) else ()
    return {str(one["gateway"]) for one in blind if one.get("gateway")}


def _lines(node: Any) -> Iterator[Json]:
    if isinstance(node, list):
        for each in node:
            yield from _lines(each)
    elif isinstance(node, dict):
        for name, value in node.items():
            if name in _BY_ENTITY:
                yield from value
            else:
                yield from _lines(value)


def _without(node: Any, keep: Callable[[str], bool]) -> Any:
    if isinstance(node, list):
        return [_without(each, keep) for each in node]
    if not isinstance(node, dict):
        return node
    return {
        name: [line for line in value if keep(str(line.get("entity")))]
        if name in _BY_ENTITY
        else _without(value, keep)
        for name, value in node.items()
    }
