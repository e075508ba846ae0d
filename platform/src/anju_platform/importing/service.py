"""Take a file of homes, show what it would change, and bring it in."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from datetime import date
from uuid import UUID
from zoneinfo import ZoneInfo

import uuid_utils
from sqlalchemy.orm import Session

from anju_platform.audit.service import record
from anju_platform.auth.actor import Actor
from anju_platform.auth.rights import Right
from anju_platform.database import Json, now
from anju_platform.errors import ConflictError, InvalidRequestError, NotFoundError
from anju_platform.importing import repository
from anju_platform.importing.cells import KINDS
from anju_platform.importing.model import HomesImport
from anju_platform.importing.plan import Known, Plan, What, plan
from anju_platform.importing.schemas import HomeChange, ImportView, SheetFault
from anju_platform.importing.sheet import COLUMNS, Row, read
from anju_platform.notifications.listing import forget_gone_phones
from anju_platform.registry.listing import community


class PlanChangedError(ConflictError):
    """What the file would change is not what was shown: somebody changed a home meanwhile."""

    title = "A home has changed since the file was shown"


def take(
    session: Session, actor: Actor, content: bytes, *, file_name: str, exactly: bool
) -> ImportView:
    """Read a file and keep its rows for a day; nothing is changed yet.

    Raises:
        ForbiddenError: the actor may not keep homes.
        InvalidRequestError: it cannot be read at all; the text says why.
    """
    actor.demand(Right.KEEP_HOMES)
    rows = read(content)
    taken = HomesImport(
        id=UUID(str(uuid_utils.uuid7())),
        community_id=actor.community_id,
        user_id=actor.user_id,
        at=now(),
        file_name=file_name[:200],
        exactly=exactly,
        rows=[(row.number, row.cells) for row in rows],
        counts={},
    )
    session.add(taken)
    session.flush()
    return _shown(session, actor, taken)


def look(session: Session, actor: Actor, import_id: UUID) -> ImportView:
    """Give what a file would change, or what came of it. The look is audited.

    Raises:
        ForbiddenError: the actor may not keep homes.
        NotFoundError: no such file in the actor's community, or a day has passed.
    """
    taken = _found(session, actor, import_id)
    return _shown(session, actor, taken)


def _shown(session: Session, actor: Actor, taken: HomesImport) -> ImportView:
    """Give what a file would change; each home of which it shows what is known has a look."""
    planned = _plan(session, taken)
    shown = {one.home for one in planned.changes if one.before}
    _note_looks(session, actor, shown, "import")
    return _view(session, taken, planned)


def _note_looks(session: Session, actor: Actor, homes: Iterable[str], how: str) -> None:
    for slug in sorted(homes):
        record(session, actor, "care.read", f"household:{slug}", {"as": how})


def apply(session: Session, actor: Actor, import_id: UUID, digest: str) -> ImportView:
    """Bring in what was shown. Doing so twice is the same as once.

    Raises:
        ForbiddenError: the actor may not keep homes.
        NotFoundError: no such file in the actor's community, or a day has passed.
        InvalidRequestError: something in it is wrong; nothing was changed.
        PlanChangedError: a home has changed since it was shown.
    """
    taken = _found(session, actor, import_id, for_update=True)
    if taken.applied_at is not None:
        return _view(session, taken, Plan((), (), ()))
    repository.lock(session)
    planned = _plan(session, taken)
    if planned.faults:
        raise InvalidRequestError(
            "{rows} rows cannot be read; mend them first", rows=len(planned.faults)
        )
    if _digest(planned) != digest:
        raise PlanChangedError("a home has changed since this was shown; look again")
    places = repository.place_ids(session, actor.community_id)
    touched = {change.home for change in planned.changes if change.what is not What.SAME}
    written = [
        repository.write(session, actor.community_id, home, places)
        for home in planned.homes
        if home.slug in touched
    ]
    forget_gone_phones(session, written, now())
    taken.applied_at, taken.rows, taken.counts = now(), [], _counts(planned)
    said = {"file": taken.file_name} | taken.counts
    record(session, actor, "homes.imported", f"import:{import_id}", said)
    session.flush()
    return _view(session, taken, Plan((), (), ()))


def export(session: Session, actor: Actor) -> tuple[list[str], list[Json]]:
    """Give all homes as a file that :func:`take` reads: its heads, and a row a person.

    It speaks the actor's language. The look is audited: call it in a transaction.

    Raises:
        ForbiddenError: the actor may not keep homes.
    """
    actor.demand(Right.KEEP_HOMES)
    known = repository.homes(session, actor.community_id)
    record(session, actor, "homes.exported", "homes", {"homes": len(known)})
    _note_looks(session, actor, known, "export")
    called = repository.places(session, actor.community_id)
    labels = repository.labels(session, actor.community_id)
    heads = {name: words[actor.locale == "zh"] for name, words in COLUMNS.items()}
    rows = []
    for home in known.values():
        label = labels[home.place][actor.locale != "zh"]
        place = label if len(called[label]) == 1 else home.place
        of_home = home.facts | {"home": home.slug, "place": place}
        for person in home.people:
            said = of_home | {"kind": person.kind, "name": person.name} | person.values
            rows.append({heads[n]: _cell(said.get(n), actor.locale) for n in COLUMNS})
    return list(heads.values()), rows


def _cell(value: object, locale: str) -> str:
    yes, no = ("是", "否") if locale == "zh" else ("yes", "no")
    match value:
        case bool():
            return yes if value else no
        case date():
            return value.isoformat()
        case "resident" | "contact" if locale == "zh":
            return next(word for word, kind in KINDS.items() if kind == value)
        case _:
            return str(value or "")


def _found(
    session: Session, actor: Actor, import_id: UUID, *, for_update: bool = False
) -> HomesImport:
    actor.demand(Right.KEEP_HOMES)
    taken = repository.get(session, actor.community_id, import_id, for_update=for_update)
    if taken is None:
        raise NotFoundError("there is no such file, or it is past its time; send it again")
    return taken


def _plan(session: Session, taken: HomesImport) -> Plan:
    zone = ZoneInfo(community(session, taken.community_id).timezone)
    known = Known(
        repository.homes(session, taken.community_id),
        repository.places(session, taken.community_id),
        now().astimezone(zone).date(),
    )
    return plan([Row(number, cells) for number, cells in taken.rows], known, exactly=taken.exactly)


def _counts(planned: Plan) -> dict[str, int]:
    """Count people by what becomes of them, and the homes that are new."""
    counted = Counter(change.what for change in planned.changes if change.kind != "home")
    new_homes = sum(c.kind == "home" and c.what is What.NEW for c in planned.changes)
    return {what.value: counted[what] for what in What} | {"new_homes": new_homes}


def _digest(planned: Plan) -> str:
    said = [(c.what, c.home, c.kind, c.name, c.before, c.after) for c in planned.changes]
    return hashlib.sha256(json.dumps(said, default=str).encode()).hexdigest()


def _view(session: Session, taken: HomesImport, planned: Plan) -> ImportView:
    done = taken.applied_at is not None
    labels = repository.labels(session, taken.community_id)
    at = {home.slug: labels[home.place] for home in planned.homes}
    return ImportView(
        id=taken.id,
        file_name=taken.file_name,
        at=taken.at,
        exactly=taken.exactly,
        rows=len(taken.rows),
        counts=taken.counts if done else _counts(planned),
        changes=tuple(
            HomeChange(place=at[change.home][0], place_en=at[change.home][1], **asdict(change))
            for change in planned.changes
            if change.what is not What.SAME
        ),
        faults=tuple(SheetFault.model_validate(f, from_attributes=True) for f in planned.faults),
        digest=_digest(planned),
        applied_at=taken.applied_at,
    )
