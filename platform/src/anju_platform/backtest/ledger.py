"""Alerts as the platform would have raised them, with people who close them as assumed."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from anju_platform.alerts.life import settle
from anju_platform.alerts.model import Alert, Condition, Handling
from anju_platform.alerts.raising import decide, dedupe_key
from anju_platform.alerts.transition import Transition
from anju_platform.database import from_millis, to_millis
from anju_platform.rulebook.book import Found


@dataclass(frozen=True, slots=True)
class Closing:
    """When people close an alert: nobody knows, so it is an assumption, and told as such.

    ``after_clear``: so long after its condition cleared (None: never); ``latched_after``: so
    long after it was activated, for those only a person closes.
    """

    after_clear: timedelta | None = timedelta(minutes=10)
    latched_after: timedelta | None = timedelta(minutes=10)

    def closes_at(self, alert: Alert) -> datetime | None:
        """Give when somebody closes it, as far as can be said now."""
        if alert.latched:
            after, since = self.latched_after, alert.activated_at
        elif alert.condition == Condition.CLEAR:
            after, since = self.after_clear, alert.cleared_at or alert.activated_at
        else:
            return None
        return since + after if after is not None else None


@dataclass(slots=True, eq=False)
class Raised:
    """One alert of the back-test; times in epoch milliseconds.

    ``severity`` is the worst it came to, ``rings`` when people would have been told, ``until``
    when its condition was over (None: it lasted), ``late`` whether it was detected late.
    """

    rule_id: str
    entity: str
    discriminator: str
    severity: int
    at: int
    until: int | None
    occurrences: int
    late: bool
    rings: list[int] = field(default_factory=list)


class Ledger:
    """Takes findings, gives alerts."""

    def __init__(self, closing: Closing) -> None:
        self._closing = closing
        self._latest: dict[str, tuple[Alert, Raised]] = {}
        self.alerts: list[Raised] = []

    def take(self, found: Found) -> None:
        """Carry a finding over to its alert, with the platform's own decision."""
        finding = found.finding
        key = dedupe_key(finding)
        alert, raised = self._latest.get(key, (None, None))
        if alert is not None:
            settle(alert, from_millis(finding.detected_at))
            self._close(alert, finding.detected_at)
        transition = decide(alert, found.community_id, finding, found.rule, found.device)
        if transition is None:
            return
        if raised is None or transition.kind == "raised":
            raised = Raised(
                rule_id=finding.rule_id,
                entity=finding.entity,
                discriminator=finding.discriminator,
                severity=finding.severity,
                at=finding.detected_at,
                until=None,
                occurrences=1,
                late=finding.late_s > 0,
            )
            self.alerts.append(raised)
        self._latest[key] = (transition.alert, raised)
        _follow(raised, transition, finding.detected_at)

    def _close(self, alert: Alert, now: int) -> None:
        """Let somebody have closed it, if that was to be before ``now``."""
        if alert.handling == Handling.CLOSED:
            return
        at = self._closing.closes_at(alert)
        if at is not None and to_millis(at) <= now:
            alert.handling, alert.closed_at = Handling.CLOSED, at


def _follow(raised: Raised, transition: Transition, at: int) -> None:
    alert = transition.alert
    raised.severity = min(raised.severity, alert.severity)
    raised.occurrences = alert.occurrences
    steady = alert.evidence.get("clears", {}).get("at")  # of what flaps: unless it comes again
    raised.until = to_millis(alert.cleared_at) if alert.cleared_at else steady
    if transition.tell:
        raised.rings.append(at)
