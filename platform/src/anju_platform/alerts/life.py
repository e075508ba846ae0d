"""How an alert passes from hand to hand: what of its row changes together."""

from datetime import datetime, timedelta

from anju_platform.alerts.model import Alert, Condition, Handling, Mode, Overlay
from anju_platform.alerts.policy import GOOD_FOR
from anju_platform.alerts.schemas import AlertView
from anju_platform.database import from_millis, to_millis

QUIET = timedelta(seconds=30)
"""How soon is looked again at what calls nobody: it is muted, a test, or over by itself."""
UNDER_WORK = timedelta(minutes=5)
"""How soon is looked again at what is muted for work; it is due at the work's end, besides."""


def hand_back(alert: Alert, at: datetime) -> None:
    """Make an alert new to people: whoever acknowledged it saw something else, or has left it."""
    alert.handling = Handling.UNACKED
    alert.acked_at = alert.acked_by = alert.owner_id = None
    alert.going_by = alert.going_at = None
    begin_anew(alert, at)


def begin_anew(alert: Alert, at: datetime) -> None:
    """Let who hears of an alert that nobody has, and when, begin anew."""
    alert.due_at, alert.policy, alert.step = at, None, 0
    wait(alert)


def renew(alert: Alert, at: datetime) -> None:
    """Let whoever has an alert have it for as long as an acknowledgement is good for."""
    if not is_shelved(alert):
        alert.due_at = at + GOOD_FOR[alert.severity]
        look_soon(alert, at)
        wait(alert)


def look_soon(alert: Alert, at: datetime) -> None:
    """Look again soon at what is muted: it may be so no more, whoever has it, for however long."""
    if Overlay.INHIBITED in alert.overlays:
        alert.due_at = min(alert.due_at, at + QUIET)
    elif Overlay.MAINTENANCE in alert.overlays:
        alert.due_at = min(alert.due_at, at + UNDER_WORK)


def end(alert: Alert, at: datetime) -> None:
    """Close an alert; nothing of it is due any more."""
    take_off_the_shelf(alert)
    go_on(alert)
    alert.handling, alert.closed_at = Handling.CLOSED, at
    alert.going_by = alert.going_at = None


def recover(alert: Alert, steady_at: datetime) -> None:
    """Let what flaps be over once it has been so until a time; it is looked at again then."""
    alert.condition = Condition.RECOVERING
    alert.evidence = {**alert.evidence, "clears": {"at": to_millis(steady_at)}}
    wait(alert)


def wait(alert: Alert) -> None:
    """Look again at what is recovering when it may be over, whatever else is due of it later."""
    clears = alert.evidence.get("clears")
    if clears is not None and alert.condition != Condition.RECOVERING:
        _forget_clears(alert)
    elif clears is not None:
        kept = {"at": clears["at"], "due": to_millis(alert.due_at)}
        alert.evidence = {**alert.evidence, "clears": kept}
        alert.due_at = min(alert.due_at, from_millis(clears["at"]))


def go_on(alert: Alert) -> None:
    """Let what was recovering go on, with what was due of it; whoever calls says how it is.

    What was made due anew since it waits is due then.
    """
    clears = alert.evidence.get("clears")
    if clears is None:
        return
    _forget_clears(alert)
    if alert.due_at == from_millis(clears["at"]):
        alert.due_at = from_millis(clears["due"])


def _forget_clears(alert: Alert) -> None:
    alert.evidence = {key: kept for key, kept in alert.evidence.items() if key != "clears"}


def settle(alert: Alert, at: datetime) -> tuple[str, ...]:
    """Let what flapped be over if it has been so for long enough; gives the steps that is."""
    clears = alert.evidence.get("clears")
    if alert.condition != Condition.RECOVERING or clears is None or clears["at"] > to_millis(at):
        return ()
    go_on(alert)
    alert.condition, alert.cleared_at = Condition.CLEAR, from_millis(clears["at"])
    alert.version += 1
    if alert.handling != Handling.ACKED or alert.latched:
        return ("cleared",)
    end(alert, alert.cleared_at)
    return ("cleared", "closed")


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


def nobodys_until(
    answered_at: datetime | None,
    closed_at: datetime | None,
    cleared_at: datetime | None,
    until: datetime,
) -> datetime:
    """Give when an alert was nobody's no more: answered, over, or (still open) ``until``."""
    ends = (answered_at, closed_at, cleared_at)
    return min((at for at in ends if at is not None), default=until)
