"""The home of the family in tests of the outer side."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from outer_site import PASSWORD_HASH, Site, ago
from sqlalchemy import select

from anju_platform.auth.model import HomeScope, Role, User
from anju_platform.care import homes
from anju_platform.care.schemas import HomeView
from anju_platform.database import now, transaction
from anju_platform.people.model import Household
from anju_platform.rulebook.model import RuleState

HOME = "h-501"


def view(site: Site, **given: Any) -> HomeView:
    with transaction(site.engine) as session:
        return homes.home_view(session, site.actor(Role.FAMILY), HOME, **given)


def all_report(site: Site) -> None:
    for slug in ("b1-501-sos", "b1-501-bed", "b1-501-pir"):
        site.says(slug, now(), battery=90)
    moved(site, ago(minutes=8))


def moved(site: Site, at: datetime) -> None:
    with transaction(site.engine) as session:
        session.add(
            RuleState(
                community_id=site.community_id,
                rule_id="home-state",
                entity=HOME,
                state={"last_motion": round(at.timestamp() * 1000)}
                | {"last_sign": round(at.timestamp() * 1000)},
                due_at=None,
            )
        )


def home_of(site: Site) -> int:
    found = site.device("b1-501-sos").household_id
    assert found is not None
    return found


def second_child(site: Site, relation: str = "儿子") -> Any:
    with transaction(site.engine) as session:
        user = User(
            username="son",
            name="张强",
            role=Role.FAMILY,
            community_id=site.community_id,
            password_hash=PASSWORD_HASH,
        )
        session.add(user)
        session.flush()
        home = session.scalars(select(Household.id)).one()
        session.add(HomeScope(user_id=user.id, household_id=home, relation=relation))
    return site.actor(username="son")
