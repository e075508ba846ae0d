"""The account: every number and every alarm that was said, against what is stored.

A reading is right when it is in ``telemetry`` once, with its own value and time, and no
reading of its device with a higher number was stored by an earlier transaction. An alarm is
right when its event is stored once, one alert was raised by it, the screens' feed tells of
each of that alert's steps once, each recipient's message was delivered once, and others were
called, for nobody answers: each time once, and the timeline says so.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from .injector import PER_VALUE, Said
from .scene import WILD, Scene
from .stack import Stack

RULE = "sos-pressed"
RECIPIENTS = ("role:guard", "role:property")
_SHOWN = 5

_POINTS = """
    SELECT d.slug, round(t.value * %s)::bigint, t.value,
           (extract(epoch FROM t.observed_at) * 1000)::bigint, t.xmin::text::bigint
    FROM telemetry t JOIN devices d ON d.id = t.device_id
    JOIN communities c ON c.id = d.community_id
    JOIN device_fields f ON f.id = t.field_id
    WHERE c.slug = %s AND f.name = 'humidity'
"""
_ALERTS = """
    SELECT a.id::text, d.slug, a.evidence->'event_ids'
    FROM alerts a JOIN devices d ON d.id = a.device_id JOIN communities c ON c.id = a.community_id
    WHERE c.slug = %s AND a.rule_id = %s
"""
_STEPS = """
    SELECT t.alert_id::text, t.kind, t.data->>'recipient', count(*)
    FROM alert_timeline t JOIN communities c ON c.id = t.community_id
    WHERE c.slug = %s GROUP BY 1, 2, 3
"""
_FEED = """
    SELECT f.ref, count(*) FROM feed f JOIN communities c ON c.id = f.community_id
    WHERE c.slug = %s AND f.kind = 'alert' GROUP BY 1
"""
_MESSAGES = """
    SELECT n.alert_id::text, n.step, n.recipient, count(*)
    FROM notifications n JOIN communities c ON c.id = n.community_id
    WHERE c.slug = %s GROUP BY 1, 2, 3
"""
_EVENTS = """
    SELECT e.event_id, (extract(epoch FROM e.observed_at) * 1000)::bigint, count(*)
    FROM device_events e JOIN communities c ON c.id = e.community_id
    WHERE c.slug = %s AND e.event = 'pressed' GROUP BY 1, 2
"""
_GIVEN_UP = """
    SELECT coalesce(sum((e.data->>'readings')::bigint), 0)
    FROM device_events e JOIN communities c ON c.id = e.community_id
    WHERE c.slug = ANY(%s) AND e.event = 'spool_full'
"""
_PROGRESS = """
    SELECT (SELECT count(*) FROM telemetry t JOIN devices d ON d.id = t.device_id
              JOIN device_fields f ON f.id = t.field_id
              WHERE d.community_id = ANY(i.ids) AND f.name = 'humidity'),
           (SELECT count(*) FROM alerts a WHERE a.community_id = ANY(i.ids) AND a.rule_id = %s),
           (SELECT count(*) FROM notifications n
              WHERE n.community_id = ANY(i.ids) AND n.state IN ('queued', 'leased', 'retry'))
           + (SELECT count(*) FROM alerts a
              WHERE a.community_id = ANY(i.ids) AND a.rule_id = %s AND a.step = 0)
    FROM (SELECT array_agg(id) AS ids FROM communities WHERE slug = ANY(%s)) i
"""


@dataclass(slots=True)
class Account:
    """What became of everything that was said; ``wrong`` tells each deviation in words."""

    readings: int = 0
    alarms: int = 0
    lost: int = 0
    doubled: int = 0
    altered: int = 0
    disordered: int = 0
    alarms_wrong: int = 0
    given_up: int = 0
    """Readings that an agent gave up for want of room and told of: no loss in silence."""
    wrong: list[str] = field(default_factory=list)

    def add(self, what: str, where: Iterable[object]) -> int:
        """Note some deviations; gives how many."""
        found = [str(one) for one in where]
        if found:
            self.wrong.append(f"{len(found)} {what}: {', '.join(found[:_SHOWN])}")
        return len(found)


@dataclass(frozen=True, slots=True)
class Progress:
    """How much of what was said is stored by now."""

    points: int
    alerts: int
    undelivered: int
    given_up: int


def progress(stack: Stack, slugs: Sequence[str]) -> Progress:
    """Ask how far the database is."""
    points, alerts, undelivered = stack.query(_PROGRESS, RULE, RULE, list(slugs))[0]
    ((given_up,),) = stack.query(_GIVEN_UP, list(slugs))
    return Progress(points, alerts, undelivered, int(given_up))


def balance(scene: Scene, *, orderly: bool = True, quarantine: bool = False) -> Account:
    """Account for everything that was said in a scene.

    ``orderly``: whether the devices themselves said things in order. ``quarantine``: whether
    anything may have been put there.
    """
    account = Account()
    account.given_up = progress(scene.stack, scene.slugs).given_up
    for gateway in scene.gateways:
        said = gateway.everything()
        _readings(scene.stack, gateway.slug, said, account, orderly=orderly)
        _alarms(scene.stack, gateway.slug, said, account)
    excused = min(account.given_up, account.lost)
    account.lost -= excused
    if excused and not account.lost:
        account.wrong = [one for one in account.wrong if " lost:" not in one]
    if not quarantine:
        query = (
            "SELECT reason, detail FROM quarantine q JOIN communities c ON c.id = q.community_id"
            " WHERE c.slug = ANY(%s)"
        )
        account.add("in quarantine", scene.stack.query(query, scene.slugs))
    return account


def _readings(
    stack: Stack, slug: str, said: Sequence[Said], account: Account, *, orderly: bool
) -> None:
    expected = {(one.device, one.number): one.at for one in said if one.number is not None}
    stored: Counter[tuple[str, int | None]] = Counter()
    altered, order = [], defaultdict(list)
    for device, number, value, at, transaction in stack.query(_POINTS, PER_VALUE, slug):
        key = (device, number)
        stored[key] += 1
        if expected.get(key) != at or value != number / PER_VALUE:
            altered.append((*key, at))
        order[device].append((number, transaction))
    account.readings += len(expected)
    account.lost += account.add("lost", (f"{slug} {d} {n}" for d, n in expected.keys() - stored))
    doubled = (f"{slug} {key}" for key, count in stored.items() if count > 1)
    account.doubled += account.add("doubled", doubled)
    account.altered += account.add("altered", altered)
    if orderly:
        late = [
            f"{device} {number}"
            for device, rows in order.items()
            if device != WILD
            for (number, first), (_, then) in zip(sorted(rows), sorted(rows)[1:], strict=False)
            if then < first
        ]
        account.disordered += account.add("out of order", late)


def _alarms(stack: Stack, slug: str, said: Sequence[Said], account: Account) -> None:
    pressed = {one.id: one for one in said if one.number is None}
    account.alarms += len(pressed)
    events = {(i, at): count for i, at, count in stack.query(_EVENTS, slug)}
    wanted = {(one.id, one.at): 1 for one in pressed.values()}
    account.lost += account.add("events lost", wanted.keys() - events)
    account.doubled += account.add("events doubled", (e for e, n in events.items() if n > 1))
    account.altered += account.add("events altered", events.keys() - wanted)

    alerts = stack.query(_ALERTS, slug, RULE)
    steps: dict[str, Counter[tuple[str, str | None]]] = defaultdict(Counter)
    for alert, kind, recipient, count in stack.query(_STEPS, slug):
        steps[alert][kind, recipient] += count
    feed = dict(stack.query(_FEED, slug))
    messages: dict[str, list[tuple[int, str, int]]] = defaultdict(list)
    for alert, step, recipient, count in stack.query(_MESSAGES, slug):
        messages[alert].append((step, recipient, count))
    raised: dict[str, list[str]] = defaultdict(list)
    for alert, device, _ in alerts:
        raised[device].append(alert)
    wrong = []
    for one in pressed.values():
        found = raised[one.device]
        if len(found) != 1:
            wrong.append(f"{one.id}: {len(found)} alerts")
            continue
        alert = found[0]
        ids = next(ids for a, _, ids in alerts if a == alert)
        fault = _fault_of(one.id, ids, steps[alert], feed.get(alert, 0), messages[alert])
        if fault:
            wrong.append(f"{one.id}: {fault}")
    account.alarms_wrong += account.add("alarms wrong", wrong)


def _fault_of(
    event: str,
    ids: list[str],
    steps: Counter[tuple[str, str | None]],
    feed: int,
    messages: list[tuple[int, str, int]],
) -> str | None:
    """Say what is wrong with the one alert of an alarm, if anything."""
    if ids != [event]:
        return f"raised by {ids}"
    if steps["raised", None] != 1:
        return f"raised {steps['raised', None]} times"
    changes = sum(count for (kind, _), count in steps.items() if kind != "told")
    if feed != changes:
        return f"{feed} feed entries for {changes} changes"
    told = {recipient: steps["told", recipient] for recipient in RECIPIENTS}
    if any(count != 1 for count in told.values()):
        return f"told {told}"
    first = sorted((recipient, count) for step, recipient, count in messages if step == 0)
    if first != [(recipient, 1) for recipient in RECIPIENTS]:
        return f"messages {messages}"
    return _fault_of_calls(steps["escalated", None], messages)


def _fault_of_calls(times: int, messages: list[tuple[int, str, int]]) -> str | None:
    """Say what is wrong with calling others; nobody watches a wall here, and nobody answers.

    Steps that fell due in an outage are told once, under the number of the last of them.
    """
    called = {step for step, _, _ in messages if step > 0}
    if not called or len(called) != times:
        return f"called {sorted(called)}, the timeline says {times} times"
    return None
