"""Who is told of an alert as it is now: what is planned whenever somebody is to hear of it."""

from collections.abc import Sequence

from anju_platform.alerts.model import Alert
from anju_platform.notifications.families import family_of
from anju_platform.notifications.planning import plan
from anju_platform.notifications.repository import Planned

FAMILY = "role:family"


def meant(household_id: int | None, target: str) -> str | None:
    """Give whom a target means for an alert of that home: ``role:family`` is its family alone.

    Nothing where there is no home: nobody's family is told of a gate.
    """
    if target != FAMILY:
        return target
    return None if household_id is None else family_of(household_id)


def tell(alert: Alert, kind: str, recipients: Sequence[str], *, step: int = 0) -> list[Planned]:
    """Plan messages about the alert's present version: what happened (``kind``), to whom.

    ``step`` is how manieth time it is said that nobody has taken it on.
    """
    return plan(
        community_id=alert.community_id,
        alert_id=alert.id,
        transition=alert.version,
        severity=alert.severity,
        recipients=recipients,
        payload={
            "kind": kind,
            "severity": alert.severity,
            "title": alert.title,
            "title_en": alert.title_en,
        },
        step=step,
    )
