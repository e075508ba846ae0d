"""The past, lived again from what the database kept, raises the alerts that were raised."""

from __future__ import annotations

import random
from typing import Any

import pytest
from sqlalchemy import Engine, text
from typer.testing import CliRunner
from wire_sender import COMMUNITY, GATEWAY, community_file, now_ms

from anju_devices import topics
from anju_devices.link import Message
from anju_devices.messages import Batch, Lane, Reading, Status, encode
from anju_devices.topics import Channel
from anju_platform.alerts.model import Cause
from anju_platform.backtest.ledger import Closing
from anju_platform.backtest.replay import Side, live_again
from anju_platform.backtest.report import Report
from anju_platform.backtest.source import Span
from anju_platform.backtest.stored import StoredReadings
from anju_platform.backtest.testing import backtest
from anju_platform.cli import app
from anju_platform.database import from_millis, reading, transaction
from anju_platform.errors import NotFoundError
from anju_platform.provision import import_community
from anju_platform.registry.coverage import KEPT_MS
from anju_platform.walk import Walk
from anju_rules import load_library

CHANNELS = {Lane.EVENTS: Channel.EVENTS, Lane.TELEMETRY: Channel.TELEMETRY}
NOBODY_CLOSES = Closing(None, None)
MINUTE = 60_000
HOUR = 60 * MINUTE

Alerts = list[tuple[Any, ...]]


class Ingest:
    """The real walk into a real database, in virtual time that jumps from due to due."""

    def __init__(self, engine: Engine, start: int) -> None:
        self._engine = engine
        self._walk = Walk(load_library())
        self._seq = dict.fromkeys(Lane, 0)
        self.start = self.now = start
        with transaction(engine) as session:
            self._walk.load(session, start)
        self._take([], start)

    def say(self, *readings: Reading, at: int) -> None:
        """Let a batch of one lane arrive."""
        model = {"door": "events", "sos": "events"}.get(readings[0].device, "telemetry")
        lane = Lane.EVENTS if readings[0].event else Lane(model)
        self._seq[lane] += 1
        batch = Batch(epoch="e", seq=self._seq[lane], sent_at=at, readings=list(readings))
        self._arrive(CHANNELS[lane], encode(batch), at)

    def status(self, *, online: bool, at: int) -> None:
        self._arrive(Channel.STATUS, encode(Status(online=online, at=at, epoch="e")), at)

    def was_deaf(self, start: int, end: int) -> None:
        """Note a time in which ingest stood still: no timer ran either."""
        self.wait(start)
        with transaction(self._engine) as session:
            self._walk.was_deaf(session, start, end)
        self.now = end

    def wait(self, until: int) -> None:
        """Let time pass."""
        while (due := self._walk.next_due()) is not None and due < until:
            self._take([], max(due, self.now + 1))
        self.now = max(self.now, until)

    def _arrive(self, channel: Channel, payload: bytes, at: int) -> None:
        self.wait(at)
        topic = topics.build(COMMUNITY, GATEWAY, channel)
        message = Message(
            topic, payload, retained=False, received_at=at, mid=0, connection=0, redelivered=False
        )
        self._take([message], at)

    def _take(self, messages: list[Message], at: int) -> None:
        self._walk._awake_at = None  # the clock jumps; nobody slept
        with transaction(self._engine) as session:
            self._walk.take_in(session, messages, at)
        self.now = at


@pytest.fixture
def ingest(engine: Engine) -> Ingest:
    document = community_file(1)
    names = {"gateway": GATEWAY, "place": "b1-101", "household": "b1-101"}
    for slug, model in (
        ("door", "door"),
        ("flat-door", "door_contact"),
        ("bath", "bathroom_presence"),
    ):
        document["devices"].append(
            {"slug": slug, "model": model, "name": slug, "name_en": slug, **names}
        )
    document["devices"] = [d for d in document["devices"] if d["slug"] not in {"cam", "quick"}]
    with transaction(engine) as session:
        import_community(session, document)
    # devices are known from the import on, so what is lived comes after
    return Ingest(engine, now_ms() + HOUR)


def raised(engine: Engine) -> Alerts:
    """Give the alerts the platform raised."""
    query = text(
        "SELECT rule_id, entity, discriminator, severity, occurrences, cleared_at IS NOT NULL,"
        " (extract(epoch FROM detected_at) * 1000)::bigint FROM alerts ORDER BY 1, 2, 7"
    )
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(query)]


def relived(engine: Engine, start: int, end: int) -> Alerts:
    """Give the alerts of the back-test."""
    with reading(engine) as session:
        source = StoredReadings(session, COMMUNITY, Span(start, start, end))
        side = Side(load_library(), source.registry, NOBODY_CLOSES)
        live_again(source, [side])
    return sorted(
        (a.rule_id, a.entity, a.discriminator, a.severity, a.occurrences, a.until is not None, a.at)
        for a in side.ledger.alerts
    )


def assert_same(theirs: Alerts, ours: Alerts) -> None:
    """Compare all but the last seconds of when it was noticed."""
    assert [one[:-1] for one in ours] == [one[:-1] for one in theirs]
    for one, other in zip(ours, theirs, strict=True):
        assert abs(one[-1] - other[-1]) <= 3_000, (one, other)


def event(device: str, at: int, name: str, **more: Any) -> Reading:
    return Reading(device=device, at=at, event=name, id=f"{device}-{at}", **more)


def test_holds_counts_latches_and_late_events_are_raised_as_they_were(
    ingest: Ingest, engine: Engine
) -> None:
    at = ingest.start + 1_000
    ingest.status(online=True, at=at)
    ingest.say(Reading(device="door", at=at + 1_000, values={"door_state": "open"}), at=at + 1_000)
    for n in range(3):
        denied = at + (n + 2) * 20_000
        ingest.say(event("door", denied, "access_denied"), at=denied + 700)
    pressed = at + 2 * MINUTE
    ingest.say(event("sos", pressed, "pressed"), at=pressed + 4 * MINUTE)  # told late
    ingest.say(event("sos", at + 7 * MINUTE, "pressed"), at=at + 7 * MINUTE)
    closed = at + 12 * MINUTE
    ingest.say(Reading(device="door", at=closed, values={"door_state": "closed"}), at=closed)
    end = ingest.start + HOUR
    ingest.wait(end)
    found = raised(engine)
    assert {one[0] for one in found} >= {"door-held-open", "door-denials", "sos-pressed"}
    assert ("sos-pressed", "sos", "", 1, 2, False) in [one[:-1] for one in found]
    assert ("door-held-open", "door", "", 2, 1, True) in [one[:-1] for one in found]
    assert_same(found, relived(engine, ingest.start, end))


def test_silence_behind_a_lost_gateway_or_a_deaf_ingest_is_none_again(
    ingest: Ingest, engine: Engine
) -> None:
    at = ingest.start + 1_000
    ingest.status(online=True, at=at)
    for n in range(4):
        spoke = at + MINUTE + n * 10 * MINUTE
        ingest.say(Reading(device="bath", at=spoke, values={"presence": False}), at=spoke)
    lost, back = at + 35 * MINUTE, at + 75 * MINUTE
    ingest.status(online=False, at=lost)
    ingest.status(online=True, at=back)
    # what was said meanwhile was spooled, and comes with the gateway
    for n in range(3):
        spoke = lost + (n + 1) * 10 * MINUTE
        ingest.say(Reading(device="bath", at=spoke, values={"presence": n == 0}), at=back + 200 + n)
    ingest.was_deaf(at + 85 * MINUTE, at + 115 * MINUTE)
    spoke = at + 120 * MINUTE
    ingest.say(Reading(device="bath", at=spoke, values={"presence": False}), at=spoke)
    end = at + 5 * HOUR
    ingest.wait(end)
    found = raised(engine)
    silent = [one for one in found if one[:2] == ("device-silent", "bath")]
    assert len(silent) == 1
    assert silent[0][-1] > at + 120 * MINUTE
    assert ("gateway-lost", GATEWAY) in [one[:2] for one in found]
    assert_same(found, relived(engine, ingest.start, end))


@pytest.mark.parametrize("seed", range(4))
def test_a_life_of_chance_raises_the_same_alerts_again(
    ingest: Ingest, engine: Engine, seed: int
) -> None:
    chance = random.Random(seed)
    at = ingest.start + 1_000
    ingest.status(online=True, at=at)
    end = at + 8 * HOUR
    while (at := at + chance.randint(5_000, 6 * MINUTE)) < end:
        match chance.choice(("door", "denied", "flat", "bath", "climate", "pir", "sos", "away")):
            case "door":
                state = chance.choice(("open", "closed", "fault"))
                ingest.say(Reading(device="door", at=at, values={"door_state": state}), at=at)
            case "denied":
                ingest.say(event("door", at, "access_denied"), at=at + chance.randint(0, 3_000))
            case "flat":
                open_ = chance.random() < 0.5
                values: dict[str, Any] = {"contact": "open" if open_ else "closed"}
                name = "opened" if open_ else "closed"
                late = chance.choice((0, 0, 2 * MINUTE))
                ingest.say(event("flat-door", at - late, name, values=values), at=at)
            case "bath":
                values = {"presence": chance.random() < 0.6}
                ingest.say(Reading(device="bath", at=at, values=values), at=at)
            case "climate":
                values = {
                    "temperature": chance.choice((20.0, 36.5)),
                    "battery": chance.choice((9, 90)),
                }
                ingest.say(Reading(device="climate-0", at=at, values=values), at=at)
            case "pir":
                ingest.say(Reading(device="pir", at=at, values={"motion": True}), at=at)
            case "sos":
                ingest.say(event("sos", at, "pressed"), at=at + 300)
            case "away":
                ingest.status(online=False, at=at)
                at += chance.randint(MINUTE, 20 * MINUTE)
                ingest.status(online=True, at=at)
        at = max(at, ingest.now)
    ingest.wait(end + HOUR)
    found = raised(engine)
    assert len(found) > 5
    assert_same(found, relived(engine, ingest.start, end + HOUR))


def report_of(engine: Engine, start: int, end: int, rule: str, **options: Any) -> Report:
    rules = [one for one in load_library() if one.id == rule]
    with reading(engine) as session:
        source = StoredReadings(session, COMMUNITY, Span(start, start, end), **options)
        return backtest(source, rules)


def press(ingest: Ingest, hours: int) -> int:
    """Press the button once an hour; give the end of the last hour."""
    ingest.status(online=True, at=ingest.start + 1_000)
    for n in range(hours):
        at = ingest.start + n * HOUR + MINUTE
        ingest.say(event("sos", at, "pressed"), at=at)
        with ingest._engine.begin() as connection:  # somebody comes, and says what it was
            connection.execute(
                text(
                    "UPDATE alerts SET handling = 'closed', cause = :cause,"
                    " closed_at = detected_at + interval '10 min' WHERE handling <> 'closed'"
                    " AND rule_id = 'sos-pressed'"
                ),
                {"cause": (Cause.TRUE, Cause.FALSE, Cause.TEST, Cause.TRUE)[n % 4]},
            )
    return ingest.start + hours * HOUR


def test_precision_is_what_people_said_of_the_same_alerts(ingest: Ingest, engine: Engine) -> None:
    end = press(ingest, 5)
    report = report_of(engine, ingest.start, end, "sos-pressed")
    said = report.tested.precision
    assert report.tested.figures.alerts == 5
    assert (said.true, said.false, said.test, said.unknown, said.missed) == (3, 1, 1, 0, 0)
    assert (said.value, said.low, said.high) == (0.75, 0.3006, 0.9544)
    assert report.data.blind[0].seconds == 1.0
    assert report.data.assumed == 0


def test_a_true_alert_that_would_not_be_raised_any_more_is_missed(
    ingest: Ingest, engine: Engine
) -> None:
    end = press(ingest, 2)
    report = report_of(engine, ingest.start, end, "sos-pressed", devices=("bath",))
    assert report.tested.figures.alerts == 0
    assert report.tested.precision.missed == 1


def test_what_was_raised_while_warming_up_does_not_count(ingest: Ingest, engine: Engine) -> None:
    end = press(ingest, 3)
    rules = [one for one in load_library() if one.id == "sos-pressed"]
    with reading(engine) as session:
        span = Span(ingest.start, ingest.start + HOUR, end)
        report = backtest(StoredReadings(session, COMMUNITY, span), rules)
    assert report.tested.figures.alerts == 2
    assert report.warm_up_s == 3_600


def test_the_back_test_cannot_write(ingest: Ingest, engine: Engine) -> None:
    with reading(engine) as session:
        StoredReadings(session, COMMUNITY, Span(ingest.start, ingest.start, ingest.start + HOUR))
        with pytest.raises(Exception, match="read-only transaction"):
            session.execute(text("DELETE FROM telemetry"))


def test_a_stranger_is_named(ingest: Ingest, engine: Engine) -> None:
    span = Span(ingest.start, ingest.start, ingest.start + HOUR)
    with reading(engine) as session, pytest.raises(NotFoundError, match="no-such"):
        StoredReadings(session, COMMUNITY, span, devices=("no-such",))


def test_values_of_a_gateways_absence_came_when_it_was_back(ingest: Ingest, engine: Engine) -> None:
    """Of values no receive time is stored; late ones came a quarter of an hour after at best."""
    at = ingest.start + 1_000
    ingest.status(online=True, at=at)
    ingest.status(online=False, at=at + MINUTE)
    ingest.status(online=True, at=at + 9 * MINUTE)
    short = Reading(device="bath", at=at + 5 * MINUTE, values={"presence": True})
    ingest.say(short, at=at + 9 * MINUTE + 50)
    old = Reading(device="bath", at=at - HOUR // 2, values={"presence": True})
    ingest.say(old, at=at + 10 * MINUTE)
    wrong = Reading(device="bath", at=1_000, values={"presence": True})
    ingest.say(wrong, at=at + 11 * MINUTE)
    start = ingest.start - KEPT_MS
    with reading(engine) as session:
        source = StoredReadings(session, COMMUNITY, Span(start, start, at + HOUR))
        heard = [one for one in source.readings() if one.device.slug == "bath"]
        tally = source.tally
    assert [(one.at, one.received_at) for one in heard] == [
        (old.at, old.at + 15 * MINUTE),
        (short.at, at + 9 * MINUTE),
    ]
    assert [one.reading.values for one in heard] == [{"presence": True}] * 2
    assert (tally.assumed, tally.undated) == (2, 0)  # of 1970 nothing tells


def test_the_command_asks_the_database_and_the_audit_knows(
    ingest: Ingest, engine: Engine, monkeypatch: pytest.MonkeyPatch, ask: Any
) -> None:
    end = press(ingest, 2)
    monkeypatch.setenv("ANJU_DATABASE_URL", engine.url.render_as_string(hide_password=False))
    times = [from_millis(at).isoformat() for at in (ingest.start, end)]
    asked = ["--community", COMMUNITY, "--from", times[0], "--to", times[1], "--lang", "en"]
    done = CliRunner().invoke(app, ["rule", "backtest", *asked, "--rule", "sos-pressed"])
    assert done.exit_code == 0, done.output
    assert "Alerts: 2" in done.output
    assert "true: 1, false: 1" in done.output
    assert ask("SELECT actor, subject FROM audit WHERE action = 'rule.backtested'") == [
        ("console", f"community:{COMMUNITY}")
    ]
