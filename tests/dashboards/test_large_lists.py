"""Lists of a community a hundred times as large: bounded pages, and each row exactly once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from large_site import DEVICES, HOMES, PEOPLE, grow
from rights_house import House
from sqlalchemy import event, text

from anju_platform.auth.model import Role
from anju_platform.database import transaction

PAGES = (
    "/devices",
    "/devices?sort=-battery",
    "/devices?text=7",
    "/homes",
    "/homes?nobody_to_call=true&sort=-devices",
    "/people",
    "/people?text=h-u-7&sort=-last_used",
    "/consents",
    "/waiting-devices",
    "/system/quarantine",
    "/maintenance",
    "/audit",
)
ROWS = {"/waiting-devices": "<section", "/maintenance": "<li>"}
MOST_ROWS = 120
"""Of a page of 50, with what stands beside it."""
MOST_QUERIES = 25


@contextmanager
def counted(house: House) -> Iterator[list[str]]:
    """Count what the web process asks of its database meanwhile."""
    said: list[str] = []

    def note(_c: object, _u: object, statement: str, *_: object) -> None:
        said.append(statement)

    engine = house.web.app.state.engine
    event.listen(engine, "before_cursor_execute", note)
    yield said
    event.remove(engine, "before_cursor_execute", note)


def looked_at(house: House, admin: httpx.Client) -> dict[str, tuple[int, int, str]]:
    """Give how many queries and rows each page has, and the page."""
    found = {}
    for page in PAGES:
        with counted(house) as queries:
            answer = admin.get(page)
        assert answer.status_code == 200, page
        rows = answer.text.count(ROWS.get(page, "<tr>"))
        found[page] = (len(queries), rows, answer.text)
    return found


def test_a_page_stays_small_however_much_there_is(house: House) -> None:
    admin = house.person("admin")
    before = looked_at(house, admin)
    grow(house.site)
    after = looked_at(house, admin)
    for page, (queries, rows, shown) in after.items():
        assert rows <= MOST_ROWS, page
        assert queries <= MOST_QUERIES, page
        assert queries <= before[page][0] + 6, page  # what there was none of is asked for, too
        assert len(shown) < 350_000, page
    for page, total in (("/devices", DEVICES + 6), ("/people", PEOPLE + 8), ("/homes", HOMES + 1)):
        assert f"共 {total:,} 条" in after[page][2]
    for page in ("/devices", "/homes", "/people", "/consents", "/waiting-devices"):
        assert 'rel="next"' in after[page][2], page


LISTS: dict[str, tuple[dict[str, Any], str, str]] = {
    "devices": ({"sort": "slug"}, "rows", "slug"),
    "devices by name": ({"sort": "name", "descending": True}, "rows", "slug"),
    "devices by battery": ({"sort": "battery"}, "rows", "slug"),
    "households": ({"sort": "place"}, "rows", "slug"),
    "people": ({"sort": "name"}, "items", "username"),
    "people by user name": ({"sort": "username", "descending": True}, "items", "username"),
    "invitations": ({}, "items", "id"),
    "tokens": ({}, "items", "id"),
    "consents": ({}, "items", "slug"),
    "quarantine": ({"reason": "unknown_device"}, "rows", "id"),
    "waiting-devices": ({}, "items", "slug"),
    "windows/over": ({}, "items", "id"),
}
SIZES = {"rows": "size", "items": "limit"}

_NEW = (
    """
    INSERT INTO devices (community_id, gateway_id, place_id, slug, model, name, name_en, state,
        attributes, created_at)
    SELECT community_id, gateway_id, place_id, 'new-' || slug, model, name, name_en, state,
        '{}', now() FROM devices WHERE slug LIKE 'd-%' AND slug NOT LIKE 'new-%' AND id % 400 = :n
    """,
    """
    INSERT INTO users (community_id, username, name, role, password_hash, locale, disabled,
        failed_logins)
    SELECT community_id, 'new-' || username, name, role, 'x', 'zh', false, 0 FROM users
    WHERE username LIKE 'family-%' AND id % 400 = :n
    """,
    """
    INSERT INTO api_tokens (community_id, user_id, token_hash, name, hint, rights, created_at,
        expires_at)
    SELECT community_id, user_id, 'new-' || token_hash, 'x', 'x', '[]', now(), expires_at
    FROM api_tokens WHERE token_hash LIKE 't-%' AND id % 40 = :n
    """,
    """
    INSERT INTO quarantine (community_id, gateway_id, received_at, topic, reason, detail, device,
        payload)
    SELECT community_id, gateway_id, now(), 'x', reason, 'x', 'new-' || device, ''
    FROM quarantine WHERE device LIKE 's-%' AND id % 400 = :n
    """,
)
_GONE = (
    "UPDATE devices SET state = 'retired' WHERE slug LIKE 'd-%' AND id % 400 = :n",
    "UPDATE api_tokens SET revoked_at = now() WHERE token_hash LIKE 't-%' AND id % 40 = :n",
    """
    UPDATE quarantine SET released_at = now()
    WHERE device LIKE 's-%' AND CAST(substr(device, 3) AS int) % 40 = :n
    """,
    "UPDATE invitations SET used_at = now() WHERE id % 40 = :n",
    "DELETE FROM alert_windows WHERE id % 40 = :n",
)
"""What is taken away is among what was read already, and among what was not."""


def come_and_go(house: House, number: int) -> None:
    with transaction(house.site.engine) as session:
        for statement in (*_NEW, *_GONE):
            session.execute(text(statement), {"n": number})


def read_all(house: House, client: httpx.Client, name: str, *, moving: bool) -> list[Any]:
    """Read a list to its end, while others come and go between the pages if so wished."""
    path = name.partition(" ")[0]
    query, rows, key = LISTS[name]
    found: list[Any] = []
    after = None
    for number in range(200):
        asked = query | {SIZES[rows]: 200} | ({"after": after} if after else {})
        answer = client.get(f"/api/v1/{path}", params=asked)
        assert answer.status_code == 200, answer.text
        said = answer.json()
        assert len(said[rows]) <= 200
        found += [one[key] for one in said[rows]]
        after = said["next"]
        if after is None:
            return found
        if moving and number < 12:
            come_and_go(house, number)
    raise AssertionError(name)


@pytest.fixture
def large(house: House) -> House:
    grow(house.site)
    return house


def test_each_row_comes_exactly_once_while_others_come_and_go(large: House) -> None:
    admin = large.person("admin")
    for name in LISTS:
        before = read_all(large, admin, name, moving=False)
        assert len(before) == len(set(before)) > 200, name
        moved = read_all(large, admin, name, moving=True)
        after = set(read_all(large, admin, name, moving=False))
        twice = [one for one, times in Counter(moved).items() if times > 1]
        assert twice == [], name
        stayed = set(before) & after
        assert stayed - set(moved) == set(), name
        restore(large)


def restore(house: House) -> None:
    """Let all be there again as it was, for the next list."""
    with transaction(house.site.engine) as session:
        for statement in (
            "DELETE FROM devices WHERE slug LIKE 'new-%'",
            "UPDATE devices SET state = 'approved' WHERE state = 'retired'",
            "DELETE FROM users WHERE username LIKE 'new-%'",
            "DELETE FROM api_tokens WHERE token_hash LIKE 'new-%'",
            "DELETE FROM quarantine WHERE device LIKE 'new-%'",
            "UPDATE api_tokens SET revoked_at = NULL",
            "UPDATE quarantine SET released_at = NULL",
            "UPDATE invitations SET used_at = NULL",
        ):
            session.execute(text(statement))


def test_a_position_of_another_order_is_refused(house: House) -> None:
    admin = house.person("admin")
    first = admin.get("/api/v1/devices", params={"sort": "slug", "size": 1}).json()
    for query in ({"sort": "name"}, {"sort": "slug", "descending": True}, {}):
        answer = admin.get("/api/v1/devices", params={**query, "after": first["next"]})
        assert answer.status_code == 422
        assert "'after'" in answer.json()["detail"]
    for odd in ("WyJzbHVnIl0", "WyJzbHVnIixudWxsXQ", "WyJzbHVnIiwiXHUwMDAwIl0", "4711", "____"):
        answer = admin.get("/api/v1/devices", params={"sort": "slug", "after": odd})
        assert answer.status_code in {200, 422}, odd


def test_exports_have_every_row_and_no_formula(large: House) -> None:
    admin = large.person("admin")
    with transaction(large.site.engine) as session:
        session.execute(text("UPDATE users SET name = '=1+1' WHERE username = 'family-7'"))
    for path, rows in (
        ("/devices.csv", DEVICES + 6),
        ("/people.csv", PEOPLE + 8),
        ("/people.csv?text=family-77", 11),
        ("/consents.csv", HOMES + 1),
        ("/system/quarantine.csv", 1_500),
        ("/maintenance.csv", 301),
    ):
        answer = admin.get(path)
        assert answer.content.startswith(b"\xef\xbb\xbf"), path
        lines = answer.text.splitlines()
        assert len(lines) - 1 == rows, path
        assert not [one for one in lines if re.search(r"(^|,)=", one)], path
    assert "'=1+1" in admin.get("/people.csv").text
    for action in ("people.exported", "consents.exported", "quarantine.exported"):
        assert large.site.audited(action), action


def test_who_invites_families_alone_is_shown_and_given_no_others(large: House) -> None:
    office = large.person(Role.OFFICE)
    assert f"共 {PEOPLE + 1:,} 条" in office.get("/people").text
    assert "admin" not in office.get("/people.csv").text
    assert office.get("/api/v1/people", params={"role": "admin"}).json()["items"] == []
