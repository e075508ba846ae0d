"""How many alerts come to each person at the desk, counted as EEMUA 191 counts them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from outer_site import Site
from sqlalchemy import insert
from sqlalchemy.orm import Session

from anju_platform.alerts.listing import counts
from anju_platform.alerts.load.repository import load_view
from anju_platform.auth.model import LoginSession
from anju_platform.database import now, reading, transaction

LogIn = Callable[..., httpx.Client]
AT = now()


def rings(site: Site, minutes_ago: float, times: int = 1, **changed: Any) -> None:
    moment = AT - timedelta(minutes=minutes_ago)
    moments = dict.fromkeys(("observed_at", "detected_at", "activated_at"), moment)
    for _ in range(times):
        site.alert(**(moments | changed))


def sits_there(site: Site, *usernames: str) -> None:
    with transaction(site.engine) as session:
        for username in usernames:
            session.execute(
                insert(LoginSession).values(
                    token_hash=username,
                    user_id=site.actor(username=username).user_id,
                    csrf="x",
                    created_at=AT,
                    last_used_at=AT,
                    expires_at=AT + timedelta(hours=1),
                )
            )


@pytest.fixture
def looks(site: Site) -> Callable[[], Any]:
    def look() -> Any:
        with reading(site.engine) as session:
            return load_view(session, site.community_id, AT)

    return look


def test_nothing_came(looks: Callable[[], Any]) -> None:
    assert looks().model_dump() == {
        "people": 1, "now": 0, "usual": 0, "flood": False,
        "stale": 0, "stale_since": None, "sources": (),
    }  # fmt: skip


def test_a_flood_is_ten_in_ten_minutes_for_each_person(
    site: Site, looks: Callable[[], Any]
) -> None:
    rings(site, 5, times=9)
    rings(site, 11, times=3)
    assert (looks().now, looks().usual, looks().flood) == (9, 2, False)
    rings(site, 1)
    assert (looks().now, looks().flood) == (10, True)
    sits_there(site, "guard", "property", "family")
    assert (looks().people, looks().now, looks().flood) == (2, 5, False)


def test_what_is_muted_or_a_test_comes_to_nobody(site: Site, looks: Callable[[], Any]) -> None:
    rings(site, 1, overlays=["maintenance"])
    rings(site, 1, mode="test")
    rings(site, 1, mode="drill")
    assert looks().now == 1


def test_what_has_gone_on_for_a_day_is_counted_until_it_is_over(
    site: Site, looks: Callable[[], Any]
) -> None:
    rings(site, 60 * 25)
    rings(site, 60 * 30, condition="clear")
    rings(site, 60 * 40, handling="closed", closed_at=AT)
    rings(site, 60 * 23)
    found = looks()
    assert (found.stale, found.stale_since) == (1, AT - timedelta(hours=25))


def test_what_rings_most_comes_first(site: Site, looks: Callable[[], Any]) -> None:
    rings(site, 100, times=2, rule_id="loitering")
    rings(site, 100, rule_id="door-forced", occurrences=7, slug="gate-south")
    rings(site, 60 * 25, times=9)
    assert [(one.rule_id, one.device, one.alerts, one.times) for one in looks().sources] == [
        ("door-forced", "gate-south", 1, 7),
        ("loitering", "b1-501-sos", 2, 2),
    ]


def test_the_wall_says_that_there_is_a_flood(site: Site, log_in: LogIn) -> None:
    rings(site, 1, times=10)
    with Session(site.engine) as session:
        found = counts(session, site.community_id, at=AT)
    assert (found.load, found.flood) == (10, True)
    sources = log_in("guard").get("/api/v1/alerts/load").json()["sources"]
    assert [one["alerts"] for one in sources] == [10]
