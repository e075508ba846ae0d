"""What to say to 120: of an open P1 only, and each look is on record."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import httpx
import pytest
from outer_site import Site, community_file
from sqlalchemy import select

from anju_platform.alerts import telling
from anju_platform.alerts.model import Alert, TimelineEntry
from anju_platform.auth.model import Role
from anju_platform.database import reading, transaction
from anju_platform.notifications import repository as notifications
from anju_platform.notifications.model import Notification
from anju_platform.provision import import_community

LogIn = Callable[..., httpx.Client]


def open_card(client: httpx.Client, alert: UUID) -> httpx.Response:
    return client.post(f"/api/v1/alerts/{alert}/emergency-card", json={"screen": "wall-1"})


def make_known(site: Site) -> None:
    file = community_file()
    file["community"] |= {"address": "向阳路 8 号", "desk_phone": "01085550001"}
    home = file["households"][0]
    home["entry"] = "钥匙在 502"
    home["residents"][0]["health"] = "青霉素过敏"
    with transaction(site.engine) as session:
        import_community(session, file)


def tell(site: Site, alert: UUID) -> None:
    """Guards were told of it, as when it is raised."""
    with transaction(site.engine) as session:
        row = session.get_one(Alert, alert)
        notifications.add(session, telling.tell(row, "raised", ("role:guard",)))


def told(site: Site, alert: UUID) -> Notification | None:
    with reading(site.engine) as session:
        found = select(Notification).where(Notification.alert_id == alert)
        return session.scalars(found).first()


def version(site: Site, alert: UUID) -> int:
    with reading(site.engine) as session:
        return session.get_one(Alert, alert).version


def test_it_says_where_who_and_how_to_get_in(site: Site, log_in: LogIn) -> None:
    make_known(site)
    alert = site.alert()
    tell(site, alert)
    card = open_card(log_in(), alert).json()
    assert (card["address"], card["desk_phone"]) == ("向阳路 8 号", "01085550001")
    assert card["entry"] == "钥匙在 502"
    assert card["residents"] == [
        {"name": "张桂兰", "born_on": "1944-03-01", "health": "青霉素过敏", "shared": True}
    ]
    assert card["alert"]["place"] == "1 栋 501 卫生间"


def test_the_look_is_on_record_and_refuses_nobodys_acknowledgement(
    site: Site, log_in: LogIn
) -> None:
    alert = site.alert()
    tell(site, alert)
    before = version(site, alert)
    open_card(log_in(), alert)
    (look,) = site.audited("care.read")
    assert (look.actor, look.subject) == ("王磊", "household:h-501")
    assert look.data == {"alert": str(alert), "card": True, "purpose": "emergency"}
    with reading(site.engine) as session:
        kinds = list(session.scalars(select(TimelineEntry.kind).order_by(TimelineEntry.id)))
    assert kinds == ["raised", "card_opened"]
    ack = {"version": before, "screen": "wall-2"}
    assert log_in("property").post(f"/api/v1/alerts/{alert}/ack", json=ack).status_code == 200


@pytest.mark.parametrize("changed", [{"severity": 2}, {"handling": "closed"}])
def test_without_an_open_p1_there_is_no_card(
    site: Site, log_in: LogIn, changed: dict[str, object]
) -> None:
    alert = site.alert(**changed)
    assert open_card(log_in(), alert).status_code == 409
    assert site.audited("care.read") == []


def test_health_is_for_whom_was_told_or_has_it(site: Site, log_in: LogIn) -> None:
    make_known(site)
    alert = site.alert()
    guard = log_in()
    assert told(site, alert) is None
    hidden = open_card(guard, alert).json()
    assert (hidden["residents"][0]["shared"], hidden["residents"][0]["health"]) == (False, "")
    assert hidden["entry"] == "钥匙在 502"
    seen = {"version": version(site, alert), "screen": "wall-1"}
    assert guard.post(f"/api/v1/alerts/{alert}/ack", json=seen).status_code == 200
    assert open_card(guard, alert).json()["residents"][0]["health"] == "青霉素过敏"


def test_who_refused_it_is_not_spoken_of(site: Site, log_in: LogIn) -> None:
    make_known(site)
    alert = site.alert()
    tell(site, alert)
    word = {"person": "张桂兰", "sensors": "health", "viewer": "role:guard"}
    word |= {"purpose": "emergency", "given": False, "how": "spoken"}
    answer = log_in(Role.OFFICE).post("/api/v1/households/h-501/consents", json=word)
    assert answer.status_code in (200, 201), answer.text
    card = open_card(log_in(), alert).json()
    assert (card["residents"][0]["shared"], card["residents"][0]["health"]) == (False, "")


def test_an_exercise_opens_nothing(site: Site, log_in: LogIn) -> None:
    make_known(site)
    alert = site.alert(mode="drill")
    tell(site, alert)
    card = open_card(log_in(), alert).json()
    assert (card["entry"], card["residents"][0]["health"]) == ("", "")


def test_a_p1_that_is_nobodys_home_has_one_too(site: Site, log_in: LogIn) -> None:
    card = open_card(log_in(), site.alert("gate-south")).json()
    assert (card["residents"], card["entry"]) == ([], "")


def test_who_may_not_see_to_it_gets_none(site: Site, log_in: LogIn) -> None:
    alert = site.alert("gate-south")
    assert open_card(log_in(Role.GRID), alert).status_code == 404  # not near
    for role in (Role.AUDITOR, Role.INSTALLER, Role.FAMILY):
        assert open_card(log_in(role), alert).status_code == 403
    assert open_card(log_in(Role.GRID), site.alert()).status_code == 200
