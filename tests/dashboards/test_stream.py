"""The live stream: the same row as on first load, nothing missed, an end when logged out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import httpx
from guarded_site import Site


@dataclass
class Event:
    name: str
    data: str
    id: str | None


def events(answer: httpx.Response) -> Iterator[Event]:
    name, data, number = "", [], None
    for line in answer.iter_lines():
        key, _, value = line.partition(": ")
        match key:
            case "event":
                name = value
            case "data" | "data:":
                data.append(value)
            case "id":
                number = value
            case "" if name:
                yield Event(name, "\n".join(data), number)
                name, data, number = "", [], None


def take(client: httpx.Client, until: str, **request: str) -> list[Event]:
    """Read the stream up to and with the first event of that name."""
    headers = {"Last-Event-ID": request["last"]} if "last" in request else {}
    found = []
    with client.stream("GET", f"/stream?after={request['after']}", headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        for event in events(answer):
            found.append(event)
            if event.name == until:
                break
    return found


def test_a_row_of_the_stream_is_the_row_of_the_page(guard: httpx.Client, site: Site) -> None:
    alert = site.raise_alert()
    row = next(e for e in take(guard, "heartbeat", after="0") if e.name == "alert")
    page = guard.get("/wall").text
    start = page.index(f'<li class="alert severity-1 unacked" id="alert-{alert}"')
    shown = page[start : page.index("</li>", start) + 5]
    steady = [line for line in row.data.splitlines() if "data-since" not in line]
    assert [line for line in shown.splitlines() if "data-since" not in line] == steady


def test_a_name_of_two_lines_does_not_cut_a_row_short(guard: httpx.Client, site: Site) -> None:
    site.raise_alert("疑似跌倒\r二层")
    row = next(e for e in take(guard, "heartbeat", after="0") if e.name == "alert")
    assert "二层" in row.data
    assert row.data.endswith("</li>")


def test_a_stream_begins_with_what_was_missed_then_says_that_it_lives(
    guard: httpx.Client, site: Site
) -> None:
    for severity in (3, 2, 1):
        site.raise_alert(severity=severity)
    missed = take(guard, "heartbeat", after="1")
    assert [e.id for e in missed if e.name == "alert"] == ["2", "3"]
    assert missed[-1].name == "heartbeat"
    assert missed[-1].id == "3"


def test_the_browsers_own_memory_wins_over_the_pages(guard: httpx.Client, site: Site) -> None:
    for severity in (3, 2, 1):
        site.raise_alert(severity=severity)
    missed = take(guard, "heartbeat", after="0", last="2")
    assert [e.id for e in missed if e.name == "alert"] == ["3"]


def test_numbers_on_top_follow_the_alerts(guard: httpx.Client, site: Site) -> None:
    site.raise_alert()
    counts = take(guard, "counts", after="0")[-1]
    assert '<strong>1</strong> <span>P1<span class="word"> 生命' in counts.data


def test_a_position_that_is_no_more_asks_to_load_anew(guard: httpx.Client) -> None:
    assert take(guard, "heartbeat", after="999")[0].name == "reset"


def test_who_is_not_logged_in_is_told_so_on_the_stream(client: httpx.Client) -> None:
    assert [e.name for e in take(client, "signed-out", after="0")] == ["signed-out"]


def test_a_closed_alert_is_told_as_closed(guard: httpx.Client, site: Site) -> None:
    alert = site.raise_alert()
    site.change(alert, handling="closed", cause="true")
    rows = [e for e in take(guard, "heartbeat", after="1") if e.name == "alert"]
    assert 'data-handling="closed"' in rows[0].data
