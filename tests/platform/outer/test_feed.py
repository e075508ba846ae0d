"""The live stream: nothing missed, nothing twice, and silence when it is not live."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager
from datetime import datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest
from outer_site import Site, Web
from sqlalchemy import delete, text, update

from anju_platform import feed as feeds
from anju_platform.alerts import repository as alerts
from anju_platform.alerts import service
from anju_platform.alerts.model import FeedEntry
from anju_platform.alerts.schemas import AlertView
from anju_platform.auth import service as auth
from anju_platform.auth.model import LoginSession
from anju_platform.database import now, reading, transaction
from anju_platform.feed import Change, Feed, Heartbeat, Item, Reset

LogIn = Callable[..., httpx.Client]


def announce(site: Site, ref: str = "x") -> int:
    with transaction(site.engine) as session:
        return alerts.announce(session, site.community_id, "gateway", ref)


def with_feed(site: Site, use: Callable[[Feed], Awaitable[None]]) -> None:
    async def run() -> None:
        feed = Feed(site.engine)
        await feed.start()
        try:
            await asyncio.wait_for(use(feed), 40)
        finally:
            await feed.stop()

    asyncio.run(run())


async def take(items: AsyncGenerator[Item, None], until: Callable[[Item], bool]) -> list[Item]:
    """Take items until one satisfies ``until``; heartbeats in between are left out."""
    taken: list[Item] = []
    async for item in items:
        if until(item) or not isinstance(item, Heartbeat):
            taken.append(item)
        if until(item):
            break
    return taken


def is_change(seq: int) -> Callable[[Item], bool]:
    return lambda item: isinstance(item, Change) and item.seq == seq


def is_beat(item: Item) -> bool:
    return isinstance(item, Heartbeat)


def seqs(items: list[Item]) -> list[int]:
    return [item.seq for item in items if isinstance(item, Change)]


def test_a_change_is_heard_at_once(site: Site) -> None:
    async def use(feed: Feed) -> None:
        async with aclosing(feed.changes(site.community_id, None)) as items:
            await take(items, is_beat)
            begun = time.perf_counter()
            seq = await asyncio.to_thread(announce, site, "b1")
            [change] = await take(items, is_change(seq))
            assert time.perf_counter() - begun < 1.0
        assert isinstance(change, Change)
        assert (change.kind, change.ref, change.alert) == ("gateway", "b1", None)

    with_feed(site, use)


def test_an_alert_comes_with_its_row_live_and_replayed(site: Site) -> None:
    async def use(feed: Feed) -> None:
        async with aclosing(feed.changes(site.community_id, None)) as items:
            begun = (await take(items, is_beat))[-1].seq
            alert = await asyncio.to_thread(site.alert)
            [live] = await take(items, lambda item: isinstance(item, Change))
        async with aclosing(feed.changes(site.community_id, begun)) as items:
            [again, _] = await take(items, is_beat)
        with reading(site.engine) as session:
            expected = service.one_alert(session, site.community_id, alert)
        for change in (live, again):
            assert isinstance(change, Change)
            assert change.alert is not None
            assert AlertView(**change.alert) == expected
            assert change.alert.keys() == AlertView.model_fields.keys()  # and nothing else

    with_feed(site, use)


def test_a_canary_that_an_open_screen_carries_was_shown(site: Site) -> None:
    add = (
        "INSERT INTO canaries (gateway_id, said_at, community_id, stored_at)"
        " SELECT id, :at, community_id, :at FROM gateways WHERE slug = 'gw-west'"
    )
    shown = "SELECT shown_at >= stored_at FROM canaries ORDER BY said_at"

    def say(at: datetime) -> None:
        with transaction(site.engine) as session:
            session.execute(text(add), {"at": at})
            alerts.announce(session, site.community_id, "canary", "gw-west")

    def asked() -> list[bool | None]:
        with reading(site.engine) as session:
            return list(session.scalars(text(shown)))

    async def use(feed: Feed) -> None:
        await asyncio.to_thread(say, now() - timedelta(minutes=2))  # no screen is open
        async with aclosing(feed.changes(site.community_id, None)) as items:
            await take(items, is_beat)
            assert await asyncio.to_thread(asked) == [None]
            await asyncio.to_thread(say, now())
            [heard] = await take(items, lambda item: isinstance(item, Change))
            assert isinstance(heard, Change)
            assert (heard.kind, heard.ref) == ("canary", "gw-west")
            await take(items, is_beat)  # comes after what was read with it is done
            assert await asyncio.to_thread(asked) == [None, True]

    with_feed(site, use)


def test_what_changed_is_read_without_being_planned_anew(site: Site) -> None:
    plans = "SELECT generic_plans, custom_plans FROM pg_prepared_statements"

    async def use(feed: Feed) -> None:
        async with await feed._connect() as connection:
            feed._position[site.community_id] = 0
            for _ in range(3):
                await asyncio.to_thread(announce, site)
                await feed._take(connection, site.community_id)
            told = await (await connection.execute(plans, prepare=False)).fetchall()
        assert told == [(3, 0)]

    asyncio.run(use(Feed(site.engine)))


def test_what_was_missed_is_replayed_from_where_the_screen_was(site: Site) -> None:
    numbers = [announce(site) for _ in range(5)]

    async def use(feed: Feed) -> None:
        async with aclosing(feed.changes(site.community_id, numbers[1])) as items:
            missed = await take(items, is_beat)
            assert seqs(missed) == numbers[2:]
            assert missed[-1].seq == numbers[-1]
        async with aclosing(feed.changes(site.community_id, numbers[-1])) as items:
            assert seqs(await take(items, is_beat)) == []

    with_feed(site, use)


@pytest.mark.parametrize("case", ["pruned", "emptied", "from the future", "too many"])
def test_what_cannot_be_replayed_is_a_reset(
    site: Site, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    numbers = [announce(site) for _ in range(6)]
    after = numbers[0]
    with transaction(site.engine) as session:
        if case == "pruned":
            session.execute(delete(FeedEntry).where(FeedEntry.seq <= numbers[2]))
        if case == "emptied":
            session.execute(delete(FeedEntry))
    if case == "from the future":
        after = numbers[-1] + 10
    if case == "too many":
        monkeypatch.setattr(feeds, "MOST_REPLAYED", 4)

    async def use(feed: Feed) -> None:
        async with aclosing(feed.changes(site.community_id, after)) as items:
            first = await take(items, is_beat)
            assert first[0] == Reset(numbers[-1])
            seq = await asyncio.to_thread(announce, site)
            assert seqs(await take(items, is_change(seq))) == [seq]

    with_feed(site, use)


def test_heartbeats_come_every_two_seconds(site: Site) -> None:
    async def use(feed: Feed) -> None:
        async with aclosing(feed.changes(site.community_id, None)) as items:
            times = []
            async for item in items:
                assert isinstance(item, Heartbeat)
                times.append(time.monotonic())
                if len(times) == 4:
                    break
        assert 3.5 < times[3] - times[1] < 6

    with_feed(site, use)


def test_nothing_is_missed_or_doubled_under_concurrent_writers(site: Site) -> None:
    writers, each = 4, 60

    def write() -> None:
        for _ in range(each):
            announce(site)

    async def watch(feed: Feed, after: int, last: int) -> list[int]:
        async with aclosing(feed.changes(site.community_id, after)) as items:
            return seqs(await take(items, is_change(last)))

    async def use(feed: Feed) -> None:
        last = writers * each
        early = asyncio.create_task(watch(feed, 0, last))
        await asyncio.sleep(0.1)
        threads = [threading.Thread(target=write) for _ in range(writers)]
        for thread in threads:
            thread.start()
        late = []
        for _ in range(5):  # screens that come in the middle of it
            await asyncio.sleep(0.05)
            late.append(asyncio.create_task(watch(feed, 0, last)))
        for task in (early, *late):
            assert await task == list(range(1, last + 1))
        for thread in threads:
            thread.join()

    with_feed(site, use)


def test_a_screen_too_slow_is_bounded_and_told_to_load_anew(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "QUEUE", 8)

    async def use(feed: Feed) -> None:
        async with aclosing(feed.changes(site.community_id, None)) as slow:
            await take(slow, is_beat)
            async with aclosing(feed.changes(site.community_id, None)) as quick:
                await take(quick, is_beat)
                for _ in range(12):
                    seq = await asyncio.to_thread(announce, site)
                    await take(quick, is_change(seq))
            found = await take(slow, is_change(seq))
        assert isinstance(found[0], Reset)
        assert len(found) <= 8
        assert seqs(found) == list(range(found[0].seq + 1, seq + 1))

    with_feed(site, use)


def test_one_community_hears_nothing_of_another(site: Site) -> None:
    from outer_site import community_file

    from anju_platform.provision import import_community
    from anju_platform.registry import repository

    with transaction(site.engine) as session:
        import_community(session, community_file("other"))
        other = repository.community(session, "other")
        assert other is not None
        other_id = other.id

    async def use(feed: Feed) -> None:
        async with aclosing(feed.changes(other_id, None)) as items:
            await take(items, is_beat)
            await asyncio.to_thread(announce, site)
            await take(items, is_beat)
            assert (await take(items, is_beat))[0].seq == 0

    with_feed(site, use)


def kick_out(site: Site) -> None:
    """End the feed's own database connection from the server's side."""
    with psycopg.connect(site.url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'anju feed' AND datname = current_database()"
        )


def test_a_lost_database_connection_loses_nothing(site: Site) -> None:
    async def use(feed: Feed) -> None:
        async with aclosing(feed.changes(site.community_id, None)) as items:
            await take(items, is_beat)
            await asyncio.to_thread(kick_out, site)
            numbers = [await asyncio.to_thread(announce, site) for _ in range(3)]
            assert seqs(await take(items, is_change(numbers[-1]))) == numbers

    with_feed(site, use)


def test_no_heartbeat_is_sent_while_the_database_does_not_answer(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def use(feed: Feed) -> None:
        async with aclosing(feed.changes(site.community_id, None)) as items:
            await take(items, is_beat)  # the stream's own; the feed may still be connecting
            while not feed.is_live:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.05)

            async def refuse() -> Any:
                raise psycopg.OperationalError("away")

            monkeypatch.setattr(feed, "_connect", refuse)
            await asyncio.to_thread(kick_out, site)
            beats: list[Item] = []

            async def listen() -> None:
                async for item in items:
                    beats.append(item)  # noqa: PERF401 - the list is read meanwhile

            listener = asyncio.create_task(listen())
            await asyncio.sleep(0.5)  # one may have been on its way
            before = len(beats)
            await asyncio.sleep(6.5)
            assert len(beats) == before
            listener.cancel()
            await asyncio.wait([listener])
            assert not feed.is_live

    with_feed(site, use)


def test_live_screens_are_counted(site: Site) -> None:
    async def use(feed: Feed) -> None:
        async with aclosing(feed.changes(site.community_id, None)) as items:
            await take(items, is_beat)
            assert feed.live_screens(site.community_id) == feed.live_screens() == 1
        assert feed.live_screens() == 0

    with_feed(site, use)


# -- over HTTP ----------------------------------------------------------------------------


@contextmanager
def listening(client: httpx.Client, **headers: str) -> Iterator[Iterator[dict[str, Any]]]:
    with client.stream("GET", "/api/v1/stream", headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield events(answer.iter_lines())


def events(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    event: dict[str, Any] = {}
    for line in lines:
        if not line:
            if "event" in event:
                yield event
            event = {}
            continue
        name, _, value = line.partition(": ")
        event[name] = json.loads(value) if name == "data" else value


def test_a_browser_resumes_where_it_was(site: Site, log_in: LogIn) -> None:
    numbers = [announce(site, f"r{n}") for n in range(3)]
    with listening(log_in(), **{"Last-Event-ID": str(numbers[0])}) as heard:
        first = [next(heard) for _ in range(3)]
    assert [e["event"] for e in first] == ["change", "change", "heartbeat"]
    assert [e["data"]["ref"] for e in first[:2]] == ["r1", "r2"]
    assert [int(e["id"]) for e in first] == [*numbers[1:], numbers[-1]]


def test_a_stream_ends_when_its_session_does(
    site: Site, log_in: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anju_platform.api._RECHECK_S", 0.5)
    with listening(log_in()) as heard:
        next(heard)
        with transaction(site.engine) as session:
            session.execute(delete(LoginSession))
        begun = time.monotonic()
        assert [e["event"] for e in heard] in ([], ["heartbeat"])
        assert time.monotonic() - begun < 6


def test_an_open_screen_counts_as_use(
    site: Site, log_in: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anju_platform.api._RECHECK_S", 0.5)
    with listening(log_in()) as heard:
        next(heard)
        old = now() - auth.IDLE / 2
        with transaction(site.engine) as session:
            session.execute(update(LoginSession).values(last_used_at=old))
        for _ in range(3):
            next(heard)
        with transaction(site.engine) as session:
            used = session.query(LoginSession).one().last_used_at
    assert used > old


def test_a_stopping_process_ends_its_streams(web: Web, log_in: LogIn) -> None:
    with listening(log_in()) as heard:
        next(heard)
        begun = time.monotonic()
        web.server.should_exit = True
        assert [e for e in heard if e["event"] != "heartbeat"] == []
    web.thread.join(10)
    assert not web.thread.is_alive()
    assert time.monotonic() - begun < 4
