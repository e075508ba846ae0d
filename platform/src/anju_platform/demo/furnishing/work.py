"""Work and drills of the demo: some goes on, some is planned."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from anju_platform.alerts.windows import service as windows
from anju_platform.alerts.windows.schemas import DrillBody, MaintenanceBody
from anju_platform.database import now, transaction
from anju_platform.demo.furnishing.actors import act

_LIFT = "b4-1-lift"


def plan(engine: Engine, slug: str, zone: ZoneInfo) -> None:
    """Let the lift of an entrance be mended now, a pump be looked at tomorrow, and a drill come."""
    with transaction(engine) as session:
        office, installer = act(session, slug, "property"), act(session, slug, "installer")
        if any(one.place == _LIFT for one in windows.windows(session, office)):
            return
        moment = now()
        lift = MaintenanceBody(
            place=_LIFT, reason="电梯年检，维保单位在场", ends_at=moment + timedelta(hours=5)
        )
        windows.plan_maintenance(session, office, lift)
        begins = _at(zone, moment, days=1, hour=9)
        pump = MaintenanceBody(
            place="pump-room",
            reason="消防泵季度试泵，水压会波动",
            starts_at=begins,
            ends_at=begins + timedelta(hours=3),
        )
        windows.plan_maintenance(session, installer, pump)
        begins = _at(zone, moment, days=4, hour=15)
        drill = DrillBody(
            place="b2",
            reason="2 栋疏散演练，社区民警参加",
            starts_at=begins,
            ends_at=begins + timedelta(hours=1),
        )
        windows.plan_drill(session, office, drill)


def _at(zone: ZoneInfo, moment: datetime, *, days: int, hour: int) -> datetime:
    day = moment.astimezone(zone).date() + timedelta(days=days)
    return datetime.combine(day, time(hour), zone)
