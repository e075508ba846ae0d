"""Who may log in: invitations, shutting out, and where people are logged in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from outer_site import PASSWORD, Site, Web, ago
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from anju_platform.auth.model import Invitation, LoginSession, User

LogIn = Callable[..., httpx.Client]
NEW = "quite another battery"


def invited(client: httpx.Client, **body: Any) -> httpx.Response:
    return client.post("/api/v1/invitations", json={"role": "guard", "name": "赵云"} | body)


def token_of(answer: httpx.Response) -> str:
    assert answer.status_code == 201, answer.text
    return str(answer.json()["url"]).rsplit("/", 1)[1]


def accept(web: Web, token: str, username: str = "", password: str = NEW) -> int:
    with web.client() as anybody:
        said = {"username": username, "password": password}
        return anybody.post(f"/api/v1/invitations/{token}/accept", json=said).status_code


def logs_in(web: Web, username: str, password: str) -> bool:
    with web.client() as client:
        said = {"username": username, "password": password}
        return client.post("/api/v1/session", json=said).status_code == 204


def test_an_invitation_makes_an_account_once(site: Site, web: Web, log_in: LogIn) -> None:
    office = log_in("office")
    family = {"role": "family", "name": "张强", "homes": ["h-501"], "relation": "儿子"}
    token = token_of(invited(office, **family))
    assert [one["name"] for one in office.get("/api/v1/invitations").json()["items"]] == ["张强"]
    assert accept(web, token, "zhangqiang") == 204
    assert accept(web, token, "again") == 404
    assert office.get("/api/v1/invitations").json()["items"] == []
    with web.client() as client:
        client.post("/api/v1/session", json={"username": "zhangqiang", "password": NEW})
        homes = client.get("/api/v1/homes").json()
    assert [(home["slug"], home["relation"]) for home in homes] == [("h-501", "儿子")]
    with Session(site.engine) as session:
        stored = session.scalars(select(Invitation)).one()
    assert token not in str(vars(stored))
    assert len(site.audited("user.invited")) == len(site.audited("user.accepted")) == 1


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"role": "family"}, "name its home"),
        ({"role": "family", "homes": ["h-9"]}, "'h-9'"),
        ({"role": "grid"}, "name the place"),
        ({"role": "grid", "places": ["moon"]}, "'moon'"),
        ({"role": "guard", "homes": ["h-501"]}, "nobody else does"),
        ({"role": "king"}, "role"),
        ({"name": ""}, "name"),
    ],
)
def test_an_invitation_that_makes_no_sense_says_so(
    log_in: LogIn, body: dict[str, Any], says: str
) -> None:
    answer = invited(log_in("admin"), **body)
    assert answer.status_code in {404, 422}
    assert says in answer.json()["detail"]


def test_only_administrators_invite_others_than_families(log_in: LogIn) -> None:
    for role in ("office", "property"):
        client = log_in(role)
        assert invited(client, role="admin").status_code == 403
        assert invited(client, role="family", homes=["h-501"]).status_code == 201
        assert {one["role"] for one in client.get("/api/v1/people").json()["items"]} == {"family"}
    assert invited(log_in("admin"), role="auditor").status_code == 201


def test_a_link_is_good_for_a_week_or_until_it_is_withdrawn(
    site: Site, web: Web, log_in: LogIn
) -> None:
    admin = log_in("admin")
    withdrawn = invited(admin)
    number = withdrawn.json()["invitation"]["id"]
    assert log_in("office").delete(f"/api/v1/invitations/{number}").status_code == 403
    assert admin.delete(f"/api/v1/invitations/{number}").status_code == 204
    assert accept(web, token_of(withdrawn), "late") == 404
    old = token_of(invited(admin))
    with Session(site.engine) as session, session.begin():
        session.execute(update(Invitation).values(expires_at=ago(seconds=1)))
    assert accept(web, old, "late") == 404


def test_a_bad_choice_uses_no_link_up(web: Web, log_in: LogIn) -> None:
    token = token_of(invited(log_in("admin")))
    assert accept(web, token, "guard") == 409
    assert accept(web, token, "Not Good") == 422
    assert accept(web, token, "zhaoyun", "short") == 422
    assert accept(web, token, "zhaoyun") == 204
    assert logs_in(web, "zhaoyun", NEW)


def test_a_new_password_ends_the_log_ins(site: Site, web: Web, log_in: LogIn) -> None:
    guard, admin = log_in("guard"), log_in("admin")
    user = site.actor().user_id
    answer = admin.post(f"/api/v1/people/{user}/password-link")
    assert logs_in(web, "guard", PASSWORD)  # until somebody uses the link
    assert accept(web, token_of(answer)) == 204
    assert guard.get("/api/v1/alerts").status_code == 401
    assert not logs_in(web, "guard", PASSWORD)
    assert logs_in(web, "guard", NEW)


def test_shutting_out_ends_the_log_ins_at_once(site: Site, web: Web, log_in: LogIn) -> None:
    guard, admin = log_in("guard"), log_in("admin")
    user = site.actor().user_id
    path = f"/api/v1/people/{user}/disabled"
    assert admin.put(path, json={"disabled": True}).status_code == 204
    assert guard.get("/api/v1/alerts").status_code == 401
    assert not logs_in(web, "guard", PASSWORD)
    assert admin.put(path, json={"disabled": False}).status_code == 204
    assert logs_in(web, "guard", PASSWORD)
    own = admin.get("/api/v1/session").json()["user_id"]
    answer = admin.put(f"/api/v1/people/{own}/disabled", json={"disabled": True})
    assert answer.status_code == 409


def test_people_see_and_end_their_own_log_ins(site: Site, log_in: LogIn) -> None:
    here, there, third = log_in("guard"), log_in("guard"), log_in("guard")
    log_in("admin")
    found = here.get("/api/v1/me/logins").json()
    assert [one["here"] for one in found].count(True) == 1
    assert len(found) == 3
    with Session(site.engine) as session:
        hashes = session.scalars(select(LoginSession.token_hash)).all()
    assert not {one["id"] for one in found} & {each[:16] for each in hashes}
    of_there = next(one["id"] for one in there.get("/api/v1/me/logins").json() if one["here"])
    assert here.delete(f"/api/v1/me/logins/{of_there}").status_code == 204
    assert there.get("/api/v1/alerts").status_code == 401
    assert third.get("/api/v1/alerts").status_code == 200
    assert log_in("admin").delete(f"/api/v1/me/logins/{of_there}").status_code == 404
    assert here.delete("/api/v1/me/logins").status_code == 204
    assert third.get("/api/v1/alerts").status_code == 401
    assert here.get("/api/v1/alerts").status_code == 200


def test_the_roster_names_everybody_and_what_they_are_there_for(site: Site, log_in: LogIn) -> None:
    found = {one["username"]: one for one in log_in("admin").get("/api/v1/people").json()["items"]}
    with Session(site.engine) as session:
        assert set(found) == set(session.scalars(select(User.username)))
    assert (found["family"]["homes"], found["family"]["relation"]) == (["h-501"], "女儿")
    assert found["grid"]["places"] == ["b1"]
    assert found["admin"]["last_used_at"] is not None
    assert found["guard"]["last_used_at"] is None


def test_whoever_invited_and_was_shut_out_leaves_no_door_open(
    site: Site, web: Web, log_in: LogIn
) -> None:
    token = token_of(invited(log_in("admin"), role="admin"))
    with Session(site.engine) as session, session.begin():
        session.execute(update(User).where(User.username == "admin").values(disabled=True))
    assert accept(web, token, "again") == 404


def test_of_links_for_a_new_password_only_the_last_is_good(
    site: Site, web: Web, log_in: LogIn
) -> None:
    admin, user = log_in("admin"), site.actor().user_id
    first, second = (token_of(admin.post(f"/api/v1/people/{user}/password-link")) for _ in range(2))
    assert accept(web, first) == 404
    assert accept(web, second) == 204
    third = token_of(admin.post(f"/api/v1/people/{user}/password-link"))
    for disabled in (True, False):
        admin.put(f"/api/v1/people/{user}/disabled", json={"disabled": disabled})
    assert accept(web, third) == 404


def test_what_was_taken_up_cannot_be_withdrawn(web: Web, log_in: LogIn) -> None:
    admin = log_in("admin")
    made = invited(admin)
    assert accept(web, token_of(made), "zhaoyun") == 204
    path = f"/api/v1/invitations/{made.json()['invitation']['id']}"
    assert admin.delete(path).status_code == 404


def test_who_invites_families_sees_invitations_of_families_alone(log_in: LogIn) -> None:
    admin, office = log_in("admin"), log_in("office")
    invited(admin, role="admin")
    invited(admin, role="family", homes=["h-501"])
    assert [one["role"] for one in office.get("/api/v1/invitations").json()["items"]] == ["family"]
    assert len(admin.get("/api/v1/invitations").json()["items"]) == 2


def test_whom_an_administrator_shut_out_only_an_administrator_lets_in(
    site: Site, log_in: LogIn
) -> None:
    family = site.actor(username="family").user_id
    path = f"/api/v1/people/{family}/disabled"
    assert log_in("office").put(path, json={"disabled": True}).status_code == 204
    assert log_in("office").put(path, json={"disabled": False}).status_code == 403
    assert log_in("admin").put(path, json={"disabled": False}).status_code == 204


def test_user_names_cannot_be_guessed_with_a_link(web: Web, log_in: LogIn) -> None:
    token = token_of(invited(log_in("admin")))
    answers = [accept(web, token, name) for name in ("guard", "admin", "office", "grid", "family")]
    assert answers == [409] * 5
    assert accept(web, token, "property") == 429


def test_a_new_password_lets_in_whoever_had_forgotten_theirs(
    site: Site, web: Web, log_in: LogIn
) -> None:
    admin, user = log_in("admin"), site.actor().user_id
    for _ in range(5):
        assert not logs_in(web, "guard", "forgotten")
    assert not logs_in(web, "guard", PASSWORD)  # too many attempts
    token = token_of(admin.post(f"/api/v1/people/{user}/password-link"))
    assert accept(web, token) == 204
    assert logs_in(web, "guard", NEW)


def test_log_ins_that_are_over_are_not_shown(site: Site, log_in: LogIn) -> None:
    here, there = log_in("guard"), log_in("guard")
    with Session(site.engine) as session, session.begin():
        mine = next(one["id"] for one in there.get("/api/v1/me/logins").json() if one["here"])
        assert mine
        session.execute(update(LoginSession).values(last_used_at=ago(hours=3)))
    assert here.get("/api/v1/alerts").status_code == 401
    assert len(log_in("guard").get("/api/v1/me/logins").json()) == 1
