"""Snapshots: uploaded by gateways, looked at by people, gone in time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest
from consented_home import PIR, say
from outer_site import JPEG, Site, Web
from sqlalchemy import update
from sqlalchemy.orm import Session

from anju_platform.alerts.model import Alert
from anju_platform.database import now, transaction
from anju_platform.media import service
from anju_platform.media.model import Media
from anju_platform.registry.listing import feed_position

LogIn = Callable[..., httpx.Client]


def put(
    web: Web,
    secret: str,
    content: bytes = JPEG,
    *,
    media_id: str = "snap-1",
    gateway: str = "garden/gw-west",
) -> int:
    headers = {
        "Authorization": f"Bearer {secret}",
        "X-Anju-Gateway": gateway,
        "Content-Type": "image/jpeg",
    }
    with web.client() as client:
        path = f"/api/v1/gateway/snapshots/{media_id}"
        return client.put(path, content=content, headers=headers).status_code


def test_a_snapshot_is_stored_once(site: Site, web: Web) -> None:
    secret = site.secrets["gw-west"]
    assert put(web, secret) == 201
    assert put(web, secret) == 200


def test_another_picture_or_gateway_does_not_replace_it(site: Site, web: Web) -> None:
    assert put(web, site.secrets["gw-west"]) == 201
    assert put(web, site.secrets["gw-west"], JPEG[:-2] + b"x\xff\xd9") == 409
    assert put(web, site.secrets["gw-away"], gateway="garden/gw-away") == 409


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"secret": "wrong"}, 401),
        ({"gateway": "garden/unknown"}, 404),
        ({"gateway": "elsewhere/gw-west"}, 404),
        ({"gateway": "garden"}, 404),
        ({"gateway": "garden/gw-away"}, 401),
        ({"content": b"GIF89a"}, 422),
        ({"content": b""}, 422),
        ({"content": JPEG[:-2]}, 422),
        ({"media_id": "Not-An-Id"}, 422),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_wrong_is_refused(
    site: Site, web: Web, change: dict[str, object], status: int
) -> None:
    asked: dict[str, object] = {"secret": site.secrets["gw-west"]} | change
    assert put(web, **asked) == status  # type: ignore[arg-type]


def test_two_mebibytes_are_taken_and_no_more(site: Site, web: Web) -> None:
    def picture(size: int) -> bytes:
        return JPEG[:4] + b"x" * (size - 6) + JPEG[-2:]

    secret = site.secrets["gw-west"]
    assert put(web, secret, picture(service.MAX_BYTES)) == 201
    assert put(web, secret, picture(service.MAX_BYTES + 1), media_id="snap-2") == 413


def test_people_look_at_it_and_the_look_is_audited(site: Site, web: Web, log_in: LogIn) -> None:
    put(web, site.secrets["gw-west"])
    site.alert("gate-south", media_id="snap-1")
    answer = log_in().get("/api/v1/media/snap-1")
    assert (answer.status_code, answer.content) == (200, JPEG)
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["cache-control"].startswith("private")
    [entry] = site.audited("media.viewed")
    assert (entry.actor, entry.subject) == ("王磊", "media:snap-1")


def test_the_next_persons_look_is_audited_though_the_browser_kept_the_picture(
    site: Site, web: Web, log_in: LogIn
) -> None:
    put(web, site.secrets["gw-west"])
    site.alert("gate-south", media_id="snap-1")
    kept = log_in().get("/api/v1/media/snap-1").headers
    assert kept["cache-control"] == "private, no-cache"  # no look without asking
    asked = log_in("property").get("/api/v1/media/snap-1", headers={"If-None-Match": kept["etag"]})
    assert (asked.status_code, asked.content) == (304, b"")
    assert len(site.audited("media.viewed")) == 2
    with web.client() as nobody:
        refused = nobody.get("/api/v1/media/snap-1", headers={"If-None-Match": kept["etag"]})
    assert refused.status_code == 401


def test_an_arriving_snapshot_redraws_the_alert_that_waits(site: Site, web: Web) -> None:
    site.alert("gate-south", media_id="snap-1")
    with Session(site.engine) as session:
        before = feed_position(session, site.community_id)
    put(web, site.secrets["gw-west"])
    put(web, site.secrets["gw-west"])
    with Session(site.engine) as session:
        assert feed_position(session, site.community_id) == before + 1


def test_an_expired_snapshot_is_not_shown_and_then_deleted(
    site: Site, web: Web, log_in: LogIn
) -> None:
    put(web, site.secrets["gw-west"])
    put(web, site.secrets["gw-west"], media_id="snap-2")
    for media_id in ("snap-1", "snap-2"):
        site.alert("gate-south", media_id=media_id)
    with transaction(site.engine) as session:
        past = now() - timedelta(seconds=1)
        session.execute(update(Media).where(Media.id == "snap-1").values(expires_at=past))
    client = log_in()
    assert client.get("/api/v1/media/snap-1").status_code == 404
    with transaction(site.engine) as session:
        assert service.delete_expired(session) == 1
    assert client.get("/api/v1/media/snap-2").status_code == 200


def test_another_communitys_snapshot_is_not_there(site: Site, web: Web, log_in: LogIn) -> None:
    put(web, site.secrets["gw-west"])
    from outer_site import community_file

    from anju_platform.provision import import_community

    with transaction(site.engine) as session:
        secrets = import_community(session, community_file("other"))
    assert put(web, secrets["gw-west"], media_id="theirs", gateway="other/gw-west") == 201
    assert log_in("admin").get("/api/v1/media/theirs").status_code == 404


def test_a_snapshot_that_no_alert_shows_any_more_is_nobodys_to_look_at(
    site: Site, web: Web, log_in: LogIn
) -> None:
    put(web, site.secrets["gw-west"])
    client = log_in()
    assert client.get("/api/v1/media/snap-1").status_code == 404
    alert_id = site.alert(media_id="snap-1")
    assert client.get("/api/v1/media/snap-1").status_code == 200
    with transaction(site.engine) as session:
        session.get_one(Alert, alert_id).media_id = "snap-2"
    assert client.get("/api/v1/media/snap-1").status_code == 404


def test_a_snapshot_of_a_homes_alert_is_shown_if_all_it_may_be_of_are_shared(
    site: Site, web: Web, log_in: LogIn
) -> None:
    put(web, site.secrets["gw-west"])
    site.alert(severity=3, media_id="snap-1", evidence={"device": PIR})
    client = log_in()
    assert client.get("/api/v1/media/snap-1").status_code == 200
    assert {one.subject for one in site.audited("care.read")} == {
        f"device:{slug}" for slug in ("b1-501-sos", PIR)
    }
    say(site, sensors="kind:pir", given=False)
    assert client.get("/api/v1/media/snap-1").status_code == 404
