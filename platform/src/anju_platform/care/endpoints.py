"""HTTP of families: their homes, and what they say of them."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import AwareDatetime

from anju_platform.auth.actor import Actor
from anju_platform.auth.dependencies import Database, require
from anju_platform.auth.rights import Right
from anju_platform.care import homes, weekly
from anju_platform.care.schemas import AwayBody, HomeName, HomeView, Look, WeeklyBody
from anju_platform.database import reading, transaction

router = APIRouter(prefix="/homes", tags=["homes"])

Family = Annotated[Actor, require(Right.OWN_HOMES)]


@router.get("")
def own_homes(database: Database, actor: Family) -> tuple[HomeName, ...]:
    """Give the homes one belongs to."""
    with reading(database) as session:
        return homes.own_homes(session, actor)


@router.get("/{slug}")
def home(database: Database, actor: Family, slug: str) -> HomeView:
    """Give a home as it is now; the look is audited."""
    with transaction(database) as session:
        return homes.home_view(session, actor, slug)


@router.get("/{slug}/looks")
def looks(
    database: Database, actor: Family, slug: str, before: AwareDatetime | None = None
) -> tuple[Look, ...]:
    """Give who looked at what concerns a home, newest first, 100 at most; ``before`` pages on."""
    with reading(database) as session:
        return homes.looks(session, actor, slug, before=before)


@router.put("/{slug}/away", status_code=204)
def declare_away(database: Database, actor: Family, slug: str, body: AwayBody) -> None:
    """Say that nobody is at home until then: silence is no alarm, everything else still is."""
    with transaction(database) as session:
        homes.declare_away(session, actor, slug, body.until)


@router.delete("/{slug}/away", status_code=204)
def declare_back(database: Database, actor: Family, slug: str) -> None:
    """Say that somebody is at home again."""
    with transaction(database) as session:
        homes.declare_back(session, actor, slug)


@router.put("/{slug}/weekly", status_code=204)
def wish_weekly(database: Database, actor: Family, slug: str, body: WeeklyBody) -> None:
    """Say on which day and hour of the site you wish to hear how a home's week was."""
    with transaction(database) as session:
        weekly.wish(session, actor, slug, body.weekday, body.hour)


@router.delete("/{slug}/weekly", status_code=204)
def stop_weekly(database: Database, actor: Family, slug: str) -> None:
    """Say that you wish to hear of it no more."""
    with transaction(database) as session:
        weekly.wish_no_more(session, actor, slug)
