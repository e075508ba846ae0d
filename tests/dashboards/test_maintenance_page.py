"""A drill of some rules is planned on the page, without a script."""

from __future__ import annotations

import httpx
from guarded_site import Site
from screens import csrf_of, log_in
from sqlalchemy import select

from anju_platform.alerts.windows.model import Window
from anju_platform.database import reading

PAGE = "/maintenance"


def send(client: httpx.Client, **fields: object) -> httpx.Response:
    page = client.get(PAGE).text
    said = {"csrf": csrf_of(page), "place": "b3", "minutes": "60", "reason": "消防演练"}
    return client.post(f"{PAGE}/drill", data=said | fields)


def planned(site: Site) -> list[list[str]]:
    with reading(site.engine) as session:
        return [one.rules for one in session.scalars(select(Window).order_by(Window.id))]


def test_a_drill_is_of_the_rules_that_were_ticked(client: httpx.Client, site: Site) -> None:
    admin = log_in(client, "admin")
    page = admin.get(PAGE).text
    assert 'name="rules" value="smoke"' in page
    done = send(admin, rules=["smoke", "sos-pressed"])
    assert (done.status_code, done.url.path) == (200, PAGE)
    assert planned(site) == [["smoke", "sos-pressed"]]
    assert 'value="smoke" checked' not in done.text
    send(admin)
    assert planned(site)[1] == []


def test_what_was_ticked_stays_when_something_else_was_wrong(
    client: httpx.Client, site: Site
) -> None:
    admin = log_in(client, "admin")
    wrong = send(admin, rules=["smoke"], reason=" ")
    assert wrong.status_code == 422
    assert 'value="smoke" checked' in wrong.text
    assert '<details class="some" open>' in wrong.text
    assert planned(site) == []


def test_a_rule_that_is_not_there_is_refused_with_words(client: httpx.Client, site: Site) -> None:
    admin = log_in(client, "admin")
    wrong = send(admin, rules=["no-such-rule"])
    assert (wrong.status_code, "没有这个位置、设备或规则" in wrong.text) == (422, True)
    token = csrf_of(wrong.text)
    body = {"reason": "x", "rules": ["no-such-rule"], "ends_at": "2026-01-01T00:00:00Z"}
    asked = admin.post("/api/v1/windows/drill", json=body, headers={"X-CSRF-Token": token})
    assert asked.status_code in {404, 422}
    assert planned(site) == []
