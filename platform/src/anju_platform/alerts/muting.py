"""What mutes an alert besides people who shelve it: planned work, and what explains it.

Ingest decides it from memory when an alert is raised, so that nobody is called. Whoever looks at
the alert next (escalation, within a second) asks the database: that alone keeps it muted, and
nothing stays so because a memory was old.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from anju_platform.alerts import repository
from anju_platform.alerts.inhibition import INHIBITED, INHIBITORS, inhibiting, inhibiting_it
from anju_platform.alerts.life import hand_back, is_for_life, look_soon
from anju_platform.alerts.model import Alert, Mode, Overlay
from anju_platform.alerts.repository import Entry
from anju_platform.alerts.transition import Transition
from anju_platform.alerts.windows import repository as windows
from anju_platform.alerts.windows.known import Subject, Windows
from anju_platform.database import Json, to_millis
from anju_rules import Rule

MOST_AT_ONCE = 200
"""So many alerts are muted in the transaction of what explains them; the rest when looked at."""
_NEW = ("raised", "reopened")
_AGAIN = ("reactivated", "rose")


class Muting:
    """What ingest knows of windows, and of where something may be active that inhibits."""

    def __init__(
        self, windows: Windows | None = None, inhibitors: Collection[int] | None = None
    ) -> None:
        self._windows = windows or Windows()
        self._inhibitors = set(inhibitors or ())

    @classmethod
    def load(cls, session: Session, only: Collection[int] | None = None) -> "Muting":
        """Read what there is, of all communities or some."""
        return cls(
            windows.load(session, only),
            repository.communities_with(session, INHIBITORS, only),
        )

    def reload(self, session: Session, only: Collection[int] | None = None) -> None:
        """Take over what was planned or ended."""
        self._windows = windows.load(session, only)

    def mode(self, about: Subject, at: datetime) -> Mode:
        """Give as what an alert is raised now."""
        return Mode.ACTUAL if self._windows.drill(about, at) is None else Mode.DRILL

    def apply(
        self, session: Session, transition: Transition, rule: Rule, mode: Mode, at: datetime
    ) -> Transition:
        """Mute what is raised where something mutes it; give the transition as it is then told.

        What has become a matter of life is muted no longer; what goes on after its drill is new.
        """
        alert, tell = transition.alert, transition.tell
        if alert.mode == Mode.DRILL and mode is Mode.ACTUAL and transition.kind in _AGAIN:
            alert.mode, tell = Mode.ACTUAL, True
            hand_back(alert, at)
            transition.entries[-1].data["drill_over"] = True
        if transition.kind in _NEW:
            muted = self._found(session, alert, at)
            alert.overlays = list(muted)
            if muted:  # nobody is told now: who is to be, when it speaks
                alert.evidence = {**alert.evidence, "notify": list(rule.notify)}
                transition.entries[-1].data["muted"] = list(muted)
            if alert.mode == Mode.DRILL:
                transition.entries[-1].data["drill"] = True
        elif transition.kind == "rose" and alert.overlays:
            muted = self._found(session, alert, at)
            transition.entries[-1].data["unmuted"] = sorted({*alert.overlays} - {*muted})
            alert.overlays = [one for one in alert.overlays if one in muted]
        return replace(transition, tell=tell and not alert.overlays)

    def _found(self, session: Session, alert: Alert, at: datetime) -> dict[str, Json]:
        asks = alert.community_id in self._inhibitors and alert.rule_id in INHIBITED
        return muted_by(session if asks else None, self._windows, alert, at)

    def follow(self, session: Session, transition: Transition, at: datetime) -> list[Entry]:
        """Mute what an alert explains that has become active; let it be looked at when it ends.

        Gives the steps of the alerts that were muted, for their timelines.
        """
        alert = transition.alert
        if alert.rule_id not in INHIBITORS:
            return []
        if alert.condition not in repository.LASTING:
            ended(session, alert, at)
            return []
        self._inhibitors.add(alert.community_id)
        explained = [
            other
            for one in inhibiting(alert.rule_id)
            if one.though_muted or not alert.overlays
            for other in repository.to_inhibit(session, alert, one, limit=MOST_AT_ONCE)
        ]
        entries = [mute(one, Overlay.INHIBITED, _explained(alert), at) for one in explained]
        session.flush()
        return entries


def muted_by(
    session: Session | None, found: Windows, alert: Alert, at: datetime
) -> dict[str, Json]:
    """Give the overlays that planned work and other alerts lay on an alert, and why.

    Without a ``session`` no other alert is looked for.
    """
    muted: dict[str, Json] = {}
    window = found.maintenance(alert, at)
    if window is not None:
        said: Json = {"until": to_millis(window.ends_at), "note": window.reason}
        muted[Overlay.MAINTENANCE] = said
    if session is None or is_for_life(alert):
        return muted
    for one in inhibiting_it(alert.rule_id):
        inhibitor = repository.inhibitor_of(session, alert, one)
        if inhibitor is not None:
            muted[Overlay.INHIBITED] = _explained(inhibitor)
    return muted


def mute(alert: Alert, overlay: Overlay, said: Json, at: datetime) -> Entry:
    """Lay an overlay on an alert; gives the step for its timeline."""
    alert.overlays = [*alert.overlays, overlay]
    alert.version += 1
    look_soon(alert, at)
    return Entry(alert.id, alert.community_id, at, "muted", {"overlay": overlay, **said})


def ended(session: Session, alert: Alert, at: datetime) -> None:
    """Let what an alert explained be looked at, for it may be over: it is, or is closed."""
    if alert.rule_id in INHIBITORS:
        repository.look_again(session, alert.community_id, Overlay.INHIBITED, at)


def _explained(by: Alert) -> Json:
    return {"alert": str(by.id), "title": by.title, "title_en": by.title_en}
