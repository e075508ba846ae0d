"""A night desk with groups and rotas: people by their user names, shifts by the test's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from night_desk import Desk
from outer_site import Site
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from anju_platform.alerts.model import TimelineEntry
from anju_platform.auth.actor import Actor
from anju_platform.auth.model import Role, User
from anju_platform.database import from_millis, now, to_millis, transaction
from anju_platform.duty import groups, rotas
from anju_platform.duty.schemas import GroupBody, RotaBody, RotaView, ShiftBody
from anju_platform.escalation import service
from anju_platform.escalation.schemas import PolicyText

SHANGHAI = ZoneInfo("Asia/Shanghai")

_ON_A_DAY = {"day": "2026-12-31", "starts": "08:00", "ends": "20:00"}
DUTY_BODIES: dict[str, dict[str, Any]] = {
    "PUT /api/v1/groups/{group_id}": {"name": "x", "members": [1]},
    "POST /groups/{group_id}": {"name": "x", "members": "1"},
    "PUT /api/v1/rotas/{rota_id}": {"name": "x"},
    "POST /rota/{rota_id}/edit": {"name": "x"},
    "POST /api/v1/rotas/{rota_id}/overrides": {**_ON_A_DAY, "people": [1]},
    "POST /rota/{rota_id}/overrides": {**_ON_A_DAY, "people": "1"},
    "POST /api/v1/rotas/{rota_id}/hand-overs": {"starts_at": "2026-12-31T00:00:00Z"},
    "POST /rota/{rota_id}/take-over": {"starts_at": "2026-12-31T00:00:00Z"},
}
"""What endpoints and forms of this domain are sent by the matrix of rights."""


def duty_of(site: Site) -> tuple[int, int]:
    """Make a group and a rota of the administrator's; gives their ids."""
    boss = site.actor(Role.ADMIN)
    with transaction(site.engine) as session:
        (group,) = groups.add(session, boss, GroupBody(name="夜班", members=(boss.user_id,)))
        return group.id, rotas.add(session, boss, RotaBody(name="夜班")).id


class DutyDesk:
    """Groups, rotas and plans of the desk's community, made by its administrator."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        desk.at = from_millis(to_millis(now()))  # rotas are looked at by the real clock, too
        self.engine = desk.site.engine
        self.admin = desk.site.actor(Role.ADMIN)

    def id(self, username: str) -> int:
        return self.desk.site.actor(username=username).user_id

    def user(self, username: str) -> str:
        """Give somebody as a target."""
        return f"user:{self.id(username)}"

    def actor(self, username: str) -> Actor:
        with Session(self.engine) as session:
            query = select(User.role).where(User.username == username)
            role = Role(session.scalars(query).one())
        return self.desk.site.actor(role, username)

    def group(self, name: str, *usernames: str) -> str:
        """Make a group; gives it as a target."""
        body = GroupBody(name=name, members=tuple(self.id(each) for each in usernames))
        with transaction(self.engine) as session:
            return next(g.target for g in groups.add(session, self.admin, body) if g.name == name)

    def rota(self, *shifts: tuple[str, str, str], **changed: Any) -> RotaView:
        """Make a rota of (from, until, user name) on every day."""
        body = RotaBody(
            **{"name": "night", "fallback": "admin", **changed},
            shifts=tuple(self.shift(*each) for each in shifts),
        )
        with transaction(self.engine) as session:
            return rotas.add(session, self.admin, body)

    def shift(self, starts: str, ends: str, *usernames: str) -> ShiftBody:
        people = tuple(self.id(each) for each in usernames)
        return ShiftBody(days=tuple(range(7)), starts=starts, ends=ends, people=people)

    def around(self, *usernames: str, change_in: timedelta) -> RotaView:
        """Make a rota in which the first has it until a time from now, then the second."""
        at = (self.desk.at + change_in).astimezone(SHANGHAI)
        half = (at + timedelta(hours=12)).astimezone(SHANGHAI)
        first, second = f"{half:%H:%M}", f"{at:%H:%M}"
        return self.rota((first, second, usernames[0]), (second, first, usernames[1]))

    def plan(self, *steps: tuple[int, list[str]], severity: int = 1) -> None:
        """Put a plan in force."""
        said = [{"after_s": after, "to": to} for after, to in steps]
        text = PolicyText.model_validate({"steps": said, "repeat_s": 600})
        with transaction(self.engine) as session:
            service.put(session, self.admin, severity, None, text)

    def shut_out(self, *usernames: str) -> None:
        with transaction(self.engine) as session:
            query = update(User).where(User.username.in_(usernames))
            session.execute(query.values(disabled=True))

    def said(self, alert: UUID, kind: str = "escalated") -> list[dict[str, Any]]:
        """Give what the timeline says of each step, without its number."""
        with Session(self.engine) as session:
            query = (
                select(TimelineEntry.data)
                .where(TimelineEntry.alert_id == alert, TimelineEntry.kind == kind)
                .order_by(TimelineEntry.id)
            )
            return [
                {name: value for name, value in data.items() if name != "step"}
                for data in session.scalars(query)
            ]


def local(day: str, at: str, zone: ZoneInfo = SHANGHAI) -> datetime:
    """Give a moment by the clock of a site."""
    return datetime.fromisoformat(f"{day}T{at}").replace(tzinfo=zone).astimezone(UTC)
