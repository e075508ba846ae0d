"""How an alert passes from hand to hand: what of its row changes together."""

from datetime import datetime

from anju_platform.alerts.model import Alert, Condition, Handling, Mode, Overlay
from anju_platform.alerts.policy import GOOD_FOR
from anju_platform.alerts.schemas import AlertView
from anju_platform.database import from_millis


def hand_back(alert: Alert, at: datetime) -> None:
    """Make an alert new to people: whoever acknowledged it saw something else, or has left it."""
    alert.handling = Handling.UNACKED
    alert.acked_at = alert.acked_by = alert.owner_id = None
    alert.going_by = alert.going_at = None
    begin_anew(alert, at)


def begin_anew(alert: Alert, at: datetime) -> None:
    """Let who hears of an alert that nobody has, and when, begin anew."""
    alert.due_at, alert.policy, alert.step = at, None, 0


def renew(alert: Alert, at: datetime) -> None:
    """Let whoever has an alert have it for as long as an acknowledgement is good for."""
    if not is_shelved(alert):
        alert.due_at = at + GOOD_FOR[alert.severity]


def end(alert: Alert, at: datetime) -> None:
    """Close an alert; nothing of it is due any more."""
    take_off_the_shelf(alert)
    alert.handling, alert.closed_at = Handling.CLOSED, at
    alert.going_by = alert.going_at = None


def is_shelved(alert: Alert) -> bool:
    """Tell whether an alert is put aside until a time."""
    return Overlay.SHELVED in alert.overlays


def shelved_until(alert: Alert) -> datetime | None:
    """Give until when an alert is put aside; nothing if it is not."""
    return from_millis(alert.shelf["until"]) if alert.shelf and is_shelved(alert) else None


def take_off_the_shelf(alert: Alert) -> None:
    """Let an alert sound and be told of again."""
    alert.overlays = [overlay for overlay in alert.overlays if overlay != Overlay.SHELVED]
    alert.shelf = None


def is_for_life(alert: Alert | AlertView) -> bool:
    """Tell whether a life may hang on it."""
    return alert.severity == 1 or alert.latched


def is_over(alert: Alert) -> bool:
    """Tell whether it has passed by itself, and nobody need say why."""
    return alert.condition == Condition.CLEAR and not alert.latched


def people_are_called(alert: Alert) -> bool:
    """Tell whether people are called: not of what is muted, a test, or over by itself."""
    return not (alert.overlays or alert.mode == Mode.TEST or is_over(alert))
