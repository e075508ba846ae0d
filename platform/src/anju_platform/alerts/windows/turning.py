"""When windows begin and end: due rows, so that nothing is forgotten by a process that dies.

What is muted speaks again by escalation's look at it, which asks for the windows there are then;
here it is made due at once.
"""

import logging
from datetime import datetime

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from anju_platform.alerts import muting
from anju_platform.alerts import repository as alerts
from anju_platform.alerts.life import is_over
from anju_platform.alerts.model import Mode, Overlay
from anju_platform.alerts.windows import repository
from anju_platform.alerts.windows.known import Windows
from anju_platform.alerts.windows.model import Kind, Window
from anju_platform.database import UNAVAILABLE, is_too_large, now, transaction

log = logging.getLogger(__name__)

AT_ONCE = 20


def turn_windows(engine: Engine, at: datetime | None = None) -> int:
    """Begin and end what is due now, or at a moment; gives how many.

    Each in a transaction of its own; one that cannot be dealt with keeps no other waiting.
    """
    moment = at or now()
    tried: list[int] = []
    turned = 0
    while len(tried) < AT_ONCE:
        before = len(tried)
        try:
            turned += _turn_next(engine, moment, tried)
        except Exception as error:
            if isinstance(error, UNAVAILABLE) and not is_too_large(error):
                raise
            log.exception("window %s cannot begin or end", tried[-1:])
        if len(tried) == before:
            break
    return turned


def _turn_next(engine: Engine, at: datetime, tried: list[int]) -> bool:
    with transaction(engine) as session:
        window = repository.lock_due(session, at, tried)
        if window is None:
            return False
        tried.append(window.id)
        if window.ends_at > at:
            begin(session, window, at)
        else:
            finish(session, window, at, had_begun=True)
        return window.due_at is None or window.due_at > at


def begin(session: Session, window: Window, at: datetime) -> None:
    """Begin a window: what is open of it and for what work is done there is muted."""
    window.due_at = window.ends_at
    session.flush()
    if window.kind == Kind.MAINTENANCE:
        _mute_open(session, window, at)
    _redraw(session, window)


def _mute_open(session: Session, window: Window, at: datetime) -> None:
    found = _windows(session, window)
    entries = []
    for alert in alerts.open_unmuted(
        session,
        window.community_id,
        Overlay.MAINTENANCE,
        device_id=window.device_id,
        place_id=window.place_id,
    ):
        said = muting.muted_by(None, found, alert, at).get(Overlay.MAINTENANCE)
        if said is not None:
            entries.append(muting.mute(alert, Overlay.MAINTENANCE, said, at))
    session.flush()
    alerts.add_entries(session, entries)
    changes = [("alert", str(entry.alert_id)) for entry in entries]
    if changes:
        alerts.announce_all(session, window.community_id, changes)


def finish(session: Session, window: Window, at: datetime, *, had_begun: bool) -> None:
    """End a window: what it muted, or marked as a drill, is looked at at once.

    It stays due while others are at some of that: what they write must not be looked at late.
    """
    window.due_at = None
    session.flush()
    reached_all = True
    if had_begun and window.kind == Kind.MAINTENANCE:
        reached_all = alerts.look_again(session, window.community_id, Overlay.MAINTENANCE, at)
    elif had_begun:
        found = _windows(session, window)
        marked, reached_all = alerts.open_of_mode(session, window.community_id, Mode.DRILL)
        for alert in marked:
            if not is_over(alert) and found.drill(alert, at) is None:
                alert.due_at = at
    if not reached_all:
        window.due_at = at
    _redraw(session, window)


def _windows(session: Session, window: Window) -> Windows:
    return repository.load(session, {window.community_id})


def _redraw(session: Session, window: Window) -> None:
    """Let screens say what goes on now."""
    session.flush()
    alerts.announce_all(session, window.community_id, [("window", str(window.id))])
