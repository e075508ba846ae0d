"""Is it alive, is it ready? For probes, service managers, and the system page."""

import logging
import socket
from collections.abc import Iterable, Sequence
from typing import Literal

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from anju_platform import migrate
from anju_platform.database import reading
from anju_platform.system import listing
from anju_platform.system.listing import Process
from anju_platform.system.schemas import ProcessView, Readiness
from anju_platform.vitals import Queue

log = logging.getLogger(__name__)

SILENT_S = 15.0
"""A process without a sign of life for so long is gone; a restart takes less."""
UNSENT_S = 60.0
"""A message that is due for so long and that no worker took: nobody is told anything."""

_MEMORY = "anju_process_resident_memory_bytes"


def look(engine: Engine, *, feed_is_live: bool) -> Readiness:
    """Make every check of a web process; none of its answers holds a secret."""
    checks: dict[str, str] = {}
    try:
        with reading(engine) as session:
            checks["schema"] = _schema(session)
            checks["database"] = "ok"
            if checks["schema"] == "ok":
                checks |= _others(session)
    except SQLAlchemyError as error:
        log.warning("not ready: %s", str(error).partition("\n")[0])
        checks = {"database": "it does not answer"}
    checks["feed"] = "ok" if feed_is_live else "it does not hear the database"
    needed = ("database", "schema", "feed")
    wrong = [name for name in needed if name in checks and checks[name] != "ok"]
    if not wrong:
        return Readiness(status="ready", checks=checks)
    detail = "; ".join(f"{name}: {checks[name]}" for name in wrong)
    return Readiness(
        status="not ready", error=f"{wrong[0]}_unavailable", detail=detail, checks=checks
    )


def _schema(session: Session) -> str:
    present, wanted = migrate.present(session), migrate.wanted()
    if present == wanted:
        return "ok"
    return f"it is at {present or 'nothing'}, this release wants {wanted}; run: anju migrate"


def _others(session: Session) -> dict[str, str]:
    found = listing.processes(session)
    checks = {
        kind: "ok" if any(is_alive(one) for one in listing.of_kind(found, kind)) else "silent"
        for kind in ("ingest", "worker")
    }
    unsent_s = listing.unsent_s(session)
    checks["outbox"] = "ok" if unsent_s <= UNSENT_S else f"due for {unsent_s:.0f} s"
    return checks


def is_alive(process: Process) -> bool:
    """Tell whether a process gave a sign of life lately."""
    return process.age_s <= SILENT_S


def told_alive(found: Sequence[Process], kind: str, *, anywhere: bool) -> tuple[list[str], bool]:
    """Say how the processes of a kind are, on this machine or any, and whether one is alive."""
    here = socket.gethostname()
    of_kind = [one for one in found if one.kind == kind and (anywhere or one.host == here)]
    if not of_kind:
        where = "" if anywhere else f" on {here}"
        return [f"no {kind}{where} has given a sign of life"], False
    return [_in_words(one) for one in of_kind], any(is_alive(one) for one in of_kind)


def _in_words(one: Process) -> str:
    words = f"{one.name}: {'alive' if is_alive(one) else 'silent'}, heard {one.age_s:.1f} s ago"
    figures = one.figures
    if one.kind == "ingest":
        words += f", takes in {len(figures.communities)} communities"
        if figures.unheard_s is not None and figures.unheard_s > SILENT_S:
            words += f" but has heard nothing for {figures.unheard_s:.0f} s"
    return words


def process_view(one: Process) -> ProcessView:
    """Give a process as the system page shows it."""
    figures, recent = one.figures, one.figures.recent
    is_ingest = one.kind == "ingest"
    return ProcessView(
        name=one.name,
        kind=one.kind,
        host=one.host,
        started_at=one.started_at,
        at=one.at,
        age_s=round(one.age_s, 1),
        state=_state(one),
        still_s=figures.still_s,
        memory_bytes=_memory(one),
        communities=len(figures.communities) if is_ingest else None,
        unheard_s=_rounded(figures.unheard_s),
        waiting=sum(queue.messages for queue in figures.queues.values()) if is_ingest else None,
        waiting_s=_longest(figures.queues.values()),
        points_per_s=recent.points_per_s if recent else None,
        commit_p95_s=_rounded(recent.commit_p95_s) if recent else None,
        events_delay_s=_rounded(recent.delay_p95_s.get("events")) if recent else None,
        telemetry_delay_s=_rounded(recent.delay_p95_s.get("telemetry")) if recent else None,
    )


def _state(one: Process) -> Literal["ok", "silent", "still", "standby", "deaf"]:
    figures = one.figures
    if not is_alive(one):
        return "silent"
    if figures.still_s > SILENT_S:
        return "still"
    if one.kind != "ingest":
        return "ok"
    if not figures.communities:
        return "standby"
    heard = figures.unheard_s is not None and figures.unheard_s <= SILENT_S
    return "ok" if heard else "deaf"


def _longest(queues: Iterable[Queue]) -> float | None:
    return _rounded(max((queue.oldest_s for queue in queues), default=None))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _memory(one: Process) -> int | None:
    samples = (s for family in one.figures.families for s in family.samples)
    return next((int(s.value) for s in samples if s.name == _MEMORY), None)
