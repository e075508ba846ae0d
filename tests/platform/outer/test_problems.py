"""Refusals are problem details (RFC 9457): for programs, for people, and to be found in the log."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable

import httpx
import pytest
from outer_site import Site, Web
from servers import REPOSITORY

from anju_dashboards.app import create_app
from anju_platform.alerts import endpoints
from anju_platform.problems import kinds, type_of

LogIn = Callable[..., httpx.Client]
LISTED = re.compile(r"^\| `(/problems/[a-z-]+)` \| (.+?) \|", re.MULTILINE)
STANDARD = {"type", "title", "status", "detail", "instance"}


def test_every_kind_of_problem_is_listed_in_the_documents() -> None:
    assert create_app  # whatever a part of the program may raise is imported by it
    text = (REPOSITORY / "docs" / "api.md").read_text("utf-8")
    listed = dict(LISTED.findall(text))
    assert listed == {type_of(word): title for word, title in kinds().items()}


def test_every_refusal_has_one_shape(web: Web, log_in: LogIn) -> None:
    guard = log_in()
    with web.client() as anybody:
        answers = [
            anybody.get("/api/v1/alerts"),
            anybody.get("/api/v1/nothing"),
            anybody.put("/healthz"),
            guard.get("/api/v1/channels"),
            guard.get("/api/v1/devices/none"),
            anybody.post("/api/v1/session", content=b"x" * 100_000),
        ]
    assert [a.status_code for a in answers] == [401, 404, 405, 403, 404, 413]
    for answer in answers:
        said = answer.json()
        assert answer.headers["content-type"] == "application/problem+json"
        assert set(said) == STANDARD
        assert said["status"] == answer.status_code
        assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", said["instance"])
    assert len({a.json()["instance"] for a in answers}) == len(answers)
    assert [a.json()["type"] for a in answers] == [
        "/problems/not-authenticated",
        "about:blank",
        "about:blank",
        "/problems/forbidden",
        "/problems/not-found",
        "about:blank",
    ]
    assert answers[2].headers["allow"] == "GET"


def test_what_is_wrong_is_pointed_at_and_never_repeated(log_in: LogIn, site: Site) -> None:
    guard, alert = log_in(), site.alert()
    said = {"version": "very-secret", "minutes": 500, "reason": "x"}
    answer = guard.post(f"/api/v1/alerts/{alert}/shelve", json=said)
    assert answer.status_code == 422
    found = {(fault["in"], fault["pointer"]) for fault in answer.json()["errors"]}
    assert found == {("body", "#/version"), ("body", "#/minutes")}
    assert all(fault["detail"] for fault in answer.json()["errors"])
    assert "very-secret" not in answer.text
    asked = guard.get("/api/v1/alerts/history?severity=1&severity=9").json()
    assert [(f["in"], f["pointer"]) for f in asked["errors"]] == [("query", "#/severity/1")]
    strange = {"kind": "email", "target": "a@b.org", "a/b~c": 1}
    odd = guard.post("/api/v1/me/addresses", json=strange).json()
    assert [f["pointer"] for f in odd["errors"]] == ["#/a~1b~0c"]
    broken = guard.post(
        "/api/v1/receipts", content=b"{", headers={"Content-Type": "application/json"}
    )
    assert [f["in"] for f in broken.json()["errors"]] == ["body"]


def test_a_conflict_carries_the_present_state(log_in: LogIn, site: Site) -> None:
    guard, other, alert = log_in(), log_in("guard2"), site.alert()
    other.post(f"/api/v1/alerts/{alert}/ack", json={"version": 1}).raise_for_status()
    late = guard.post(f"/api/v1/alerts/{alert}/ack", json={"version": 1})
    assert late.status_code == 409
    said = late.json()
    assert (said["type"], said["title"]) == (
        "/problems/alert-changed",
        "The alert has changed meanwhile",
    )
    assert (said["alert"]["version"], said["alert"]["acked_by"]) == (2, "赵云")


def test_a_failure_of_ours_says_nothing_of_its_inside_and_is_found_in_the_log(
    log_in: LogIn, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("an inner secret")

    guard = log_in()
    monkeypatch.setattr(endpoints.service, "open_alerts", fails)
    with caplog.at_level(logging.ERROR):
        answer = guard.get("/api/v1/alerts")
    said = answer.json()
    assert (answer.status_code, said["type"]) == (500, "/problems/internal")
    assert "inner secret" not in answer.text
    assert said["instance"] in caplog.text
