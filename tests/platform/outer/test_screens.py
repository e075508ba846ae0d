"""Which walls are live: what they say of themselves, and who may ask."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import httpx
import pytest
from outer_site import Site, community_file
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from anju_platform.database import now, transaction
from anju_platform.provision import import_community
from anju_platform.registry.model import Community
from anju_platform.screens import repository
from anju_platform.screens.model import Screen

LogIn = Callable[..., httpx.Client]


def says(client: httpx.Client, screen: UUID, post: str = "wall-1", *, sounds: bool = True) -> int:
    said = {"post": post, "sounds": sounds}
    return client.put(f"/api/v1/screens/{screen}", json=said).status_code


def falls_silent(site: Site, screen: UUID, seconds: float) -> None:
    with transaction(site.engine) as session:
        at = now() - timedelta(seconds=seconds)
        session.execute(update(Screen).where(Screen.id == screen).values(alive_at=at))


def test_a_wall_is_live_while_it_says_so(site: Site, log_in: LogIn) -> None:
    guard, screen = log_in("guard"), uuid4()
    assert says(guard, screen) == 204
    assert says(guard, screen) == 204
    property_ = log_in("property")
    (post,) = property_.get("/api/v1/screens").json()
    assert (post["post"], post["live"], post["sounds"], post["user"]) == ("wall-1", 1, True, "王磊")
    falls_silent(site, screen, 16)
    (post,) = property_.get("/api/v1/screens").json()
    assert (post["live"], post["sounds"]) == (0, False)


def test_a_desk_counts_its_walls_and_says_whether_one_can_sound(log_in: LogIn) -> None:
    mute, loud = uuid4(), uuid4()
    guard, second = log_in("guard"), log_in("guard2")
    says(guard, mute, sounds=False)
    property_ = log_in("property")
    assert property_.get("/api/v1/screens").json()[0]["sounds"] is False
    says(second, loud)
    says(second, uuid4(), "wall-2")
    found = property_.get("/api/v1/screens").json()
    assert [(one["post"], one["live"], one["sounds"]) for one in found] == [
        ("wall-1", 2, True),
        ("wall-2", 1, True),
    ]


def test_a_desk_that_is_no_longer_there_is_forgotten_and_that_is_audited(
    site: Site, log_in: LogIn
) -> None:
    says(log_in("guard"), uuid4())
    property_ = log_in("property")
    assert property_.delete("/api/v1/screens/posts/wall-1").status_code == 204
    assert property_.get("/api/v1/screens").json() == []
    assert property_.delete("/api/v1/screens/posts/wall-1").status_code == 404
    (entry,) = site.audited("screen.retired")
    assert entry.subject == "post:wall-1"


def test_a_page_that_is_left_is_not_missed(log_in: LogIn) -> None:
    guard, screen = log_in("guard"), uuid4()
    says(guard, screen)
    for _ in range(2):
        assert guard.delete(f"/api/v1/screens/{screen}").status_code == 204
    (post,) = log_in("property").get("/api/v1/screens").json()
    assert (post["live"], post["left"]) == (0, True)
    assert says(guard, screen) == 409  # an earlier sign of life that came late


def test_a_wall_that_crashed_once_is_not_missed_when_the_next_one_is_left(
    site: Site, log_in: LogIn
) -> None:
    guard, crashed, left = log_in("guard"), uuid4(), uuid4()
    says(guard, crashed)
    falls_silent(site, crashed, 8 * 3_600)
    with Session(site.engine) as session:
        assert site.community_id in repository.last_alive(session)
    says(guard, left)
    guard.delete(f"/api/v1/screens/{left}")
    with Session(site.engine) as session:
        assert repository.last_alive(session) == {}


@pytest.mark.parametrize("role", ["property", "admin"])
def test_only_guards_sit_at_a_desk(log_in: LogIn, role: str) -> None:
    assert says(log_in(role), uuid4()) == 403


def test_the_last_wall_of_a_desk_is_missed_for_ever(site: Site, log_in: LogIn) -> None:
    guard = log_in("guard")
    first, last = uuid4(), uuid4()
    for screen, days in ((first, 30), (last, 20)):
        says(guard, screen)
        falls_silent(site, screen, days * 86_400)
    with transaction(site.engine) as session:
        repository.prune(session, now() - timedelta(days=7))
    with Session(site.engine) as session:
        assert list(session.scalars(select(Screen.id))) == [last]


def test_a_wall_of_another_community_is_not_taken_over(site: Site, log_in: LogIn) -> None:
    screen = uuid4()
    says(log_in("guard"), screen)
    with transaction(site.engine) as session:
        import_community(session, community_file("meadow"))
        other = session.scalars(select(Community.id).where(Community.slug == "meadow")).one()
        session.execute(update(Screen).values(community_id=other))
    assert says(log_in("guard"), screen) == 409


def test_what_is_no_sign_of_life_is_refused(log_in: LogIn) -> None:
    guard = log_in("guard")
    posts = ("", "x" * 65, "a/b", "A", "\0")
    for said in ({}, *({"post": post, "sounds": True} for post in posts)):
        assert guard.put(f"/api/v1/screens/{uuid4()}", json=said).status_code == 422
    assert guard.put("/api/v1/screens/1", json={"post": "a", "sounds": True}).status_code == 422
