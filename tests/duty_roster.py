"""A guarded site with groups, rotas, a plan that calls them, and an alert somebody must call of."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from guarded_site import Site
from sqlalchemy import select
from sqlalchemy.orm import Session

from anju_platform.auth.actor import Actor
from anju_platform.auth.model import Role, User
from anju_platform.database import now, transaction
from anju_platform.duty import groups, rotas
from anju_platform.duty.model import Rota
from anju_platform.duty.schemas import GroupBody, RotaBody, RotaView, ShiftBody
from anju_platform.escalation import service
from anju_platform.escalation.escalating import escalate_due
from anju_platform.escalation.schemas import PolicyText

ZONE = ZoneInfo("Asia/Shanghai")


def actor(site: Site, username: str) -> Actor:
    with Session(site.engine) as session:
        user = session.scalars(select(User).where(User.username == username)).one()
    return Actor(
        user_id=user.id,
        username=username,
        name=user.name,
        role=Role(user.role),
        community_id=site.community,
        locale=user.locale,
        session_csrf="",
        token_hash="",
    )


def shift(
    starts: str, ends: str, *people: int, days: tuple[int, ...] = tuple(range(7))
) -> ShiftBody:
    return ShiftBody(days=days, starts=starts, ends=ends, people=people)


def changed_just_now(site: Site, before: str, after: str, name: str = "门岗") -> RotaView:
    """Make a rota whose shift passed a minute ago from one to the other."""
    at = now().astimezone(ZONE) - timedelta(minutes=1)
    first, second = f"{at:%H:%M}", f"{at + timedelta(hours=12):%H:%M}"
    body = RotaBody(
        name=name,
        fallback="admin",
        shifts=(
            shift(first, second, site.users[after]),
            shift(second, first, site.users[before]),
        ),
    )
    boss = actor(site, "admin")
    with transaction(site.engine) as session:
        made = rotas.add(session, boss, body)
        session.get_one(Rota, made.id).made_at = now() - timedelta(days=1)
    with Session(site.engine) as session:
        return rotas.rota(session, boss, made.id)


def furnish_duty(site: Site) -> list[str]:
    """Give the site all of it; give the pages that show it."""
    boss, users = actor(site, "admin"), site.users
    gate = changed_just_now(site, "wanglei", "liqiang")
    with transaction(site.engine) as session:
        team = GroupBody(name="夜班小组", members=(users["wanglei"], users["grace"]))
        (group,) = groups.add(session, boss, team)
        week = (0, 1, 2, 3, 4)
        body = RotaBody(
            name="维修值班",
            shifts=(
                shift("08:00", "20:00", users["grace"], users["wanglei"], days=week),
                shift("20:00", "08:00", users["admin"], days=week),
            ),
        )
        mending = rotas.add(session, boss, body)
        steps = [
            {"after_s": 30, "to": [gate.target, "contacts:2"]},
            {"after_s": 90, "to": [group.target, "contacts:1", "role:admin"]},
        ]
        text = PolicyText.model_validate({"steps": steps, "repeat_s": 60})
        service.put(session, boss, 1, None, text)
        service.put(session, boss, 1, "b3", text)
    return [
        "/rota",
        "/rota?week=2026-01-01",
        "/rota/new",
        f"/rota/{mending.id}/edit",
        "/groups",
        "/escalation",
        "/escalation/plan?severity=1",
        "/escalation/rehearsal?severity=1&place=b3-501",
        f"/alerts/{an_alert_to_call_of(site)}",
    ]


def an_alert_to_call_of(site: Site) -> UUID:
    """Raise an alert of a home that nobody takes on, until its contacts must be called by hand."""
    alert: UUID = site.raise_alert()
    for seconds in (0, 31):
        escalate_due(site.engine, now() + timedelta(seconds=seconds))
    return alert
