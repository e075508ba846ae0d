"""The page of reports."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest
from guarded_site import Site
from screens import log_in

from anju_platform.database import now


def test_a_report_shows_answers_rules_and_gateways(client: httpx.Client, site: Site) -> None:
    site.raise_alert()
    site.raise_alert("门未关", "Door open", severity=3, device="gate-south", rule="door-held-open")
    log_in(client, "admin")
    page = client.get("/reports")
    assert page.status_code == 200
    for words in ("告警响应", "门未关", "door-held-open", "西区网关", "误报率"):
        assert words in page.text
    assert page.text.count('<rect class="p') == 2
    assert page.text.count('<rect class="ground"') == 5  # a bar for each promise
    assert page.text.count('<rect class="open"') == 2 + 1  # one for each rule, and its key
    yesterday = (now() - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    assert "没有告警。" in client.get("/reports", params={"at": yesterday}).text


@pytest.mark.parametrize(
    ("span", "before"),
    [
        ("shift", "at=2026-10-31T15:00"),
        ("day", "at=2026-10-30T23:00"),
        ("month", "at=2026-09-30T23:00"),
    ],
)
def test_periods_lead_to_the_one_before_and_after(
    client: httpx.Client, span: str, before: str
) -> None:
    log_in(client, "admin")
    page = client.get("/reports", params={"span": span, "at": "2026-10-31T23:30"}).text
    assert 'aria-current="true"' in page
    assert before in page
    assert "at=2026-11-01T00:00" in page


def test_what_makes_no_sense_is_said(client: httpx.Client) -> None:
    log_in(client, "admin")
    whenever = ("yesterday", "0001-01-01T00:00", "0001-06-01T00:00", "9999-12-31T23:59")
    for query in ({"span": "year"}, *({"at": at} for at in whenever)):
        answer = client.get("/reports", params=query)
        assert (answer.status_code, "请重新选择" in answer.text) == (422, True), query
    assert client.get("/reports.csv", params={"at": whenever[-1]}).status_code == 422


def test_its_table_is_for_spreadsheets(client: httpx.Client, site: Site) -> None:
    site.raise_alert()
    log_in(client, "admin")
    table = client.get("/reports.csv")
    assert table.headers["content-type"].startswith("text/csv")
    assert len(table.text.strip().splitlines()) == 2
