"""Alerts of rules that judge no more: what they said of the world can no longer be told."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from anju_platform.alerts import repository
from anju_platform.alerts.life import go_on
from anju_platform.alerts.model import Alert, Condition
from anju_platform.database import from_millis
from anju_platform.rulebook.force import Choice
from anju_platform.rulebook.repository import StateKey


def lose_sight(
    session: Session, switched_off: Sequence[Choice], lost: Sequence[StateKey], at: int
) -> list[Alert]:
    """Make the open alerts of such rules unknown, and say in their timelines who did that and why.

    ``lost`` are entities a new version of their rule begins anew with. A person closes these
    alerts: that nobody looks is no all-clear. Gives those that changed; the caller announces
    them. Doing so again changes nothing.
    """
    off = {(c.activation.community_id, c.activation.rule_id): c for c in switched_off}
    keys = [(community, _dedupe_key(rule, entity)) for community, rule, entity in lost]
    changed = repository.judged(session, list(off), keys)
    for alert in changed:
        go_on(alert)
        alert.condition = Condition.UNKNOWN
        alert.version += 1
        choice = off.get((alert.community_id, alert.rule_id))
        if choice is None:
            data = {"rule": "changed"}
        elif choice.fault:
            data = {"rule": "unreadable", "note": choice.fault.replace("\0", "")}
        else:
            data = {"rule": "off", "note": choice.activation.reason}
        repository.add_entry(
            session,
            alert,
            "unknown",
            from_millis(at),
            user_id=choice.activation.user_id if choice and not choice.fault else None,
            data=data,
        )
    session.flush()
    return changed


def _dedupe_key(rule_id: str, entity: str) -> str:
    """Give the key of an alert whose rule remembered it as ``entity`` (``#discriminator``)."""
    name, _, discriminator = entity.partition("#")
    return f"{rule_id}|{name}|{discriminator}"
