"""Learns baselines each night from what is stored: one home or device at a time.

Each is a transaction of its own: whoever is killed in the middle goes on where it was, and
two who learn at once make one version. What no rule reads is not learned.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from anju_devices.model import DeviceModel, Kind
from anju_platform.baselines import repository
from anju_platform.baselines.blindness import Blindness, Period
from anju_platform.baselines.repository import Key, Sign, Source
from anju_platform.database import UNAVAILABLE, now, reading, to_millis, transaction
from anju_platform.registry import repository as places
from anju_platform.registry import snapshot
from anju_platform.registry.repository import learnable_devices
from anju_platform.registry.snapshot import KnownCommunity, KnownDevice
from anju_rules import Fact, Rule
from anju_rules.baseline import Profile, learn, learn_peaks, quantities
from anju_rules.home import FIELDS, LASTING, MODELS
from anju_rules.silence import QUANTITY, Silences

log = logging.getLogger(__name__)

RulesOf = Callable[[Session, int], Sequence[Rule]]
"""Gives the rules in force in a community, by its id."""

WINDOW = timedelta(days=28)
"""How far back is learned from: four of each weekday; habits change with the seasons."""
LEARN_AT = time(3)
"""The site's hour after which the night's learning is due."""
FORGOTTEN = timedelta(days=60)
"""What could not be learned again for so long is forgotten: a flat that changed hands."""
_STEP = timedelta(days=7)
"""How much of one home's time is read at once."""


def learn_due(engine: Engine, rules_of: RulesOf, at: datetime | None = None) -> int:
    """Learn what is due in every community; gives the number of new versions.

    Harmless when called again or late: the time learned from ends at the last
    :data:`LEARN_AT`, whenever it is called. ``at`` is now, unless a test says otherwise.
    """
    moment = at or now()
    with reading(engine) as session:
        registry = snapshot.load(session)
    learned = 0
    for community in registry.communities.values():
        until = last_night(moment, community.timezone)
        with reading(engine) as session:
            before = repository.learned_until(session, community.id)
            rules = rules_of(session, community.id)
        # what was learned up to a time that is to come was so by a clock that was wrong
        if before is None or before < until or before > moment:
            learned += _Night(engine, rules, community, until).run()
    return learned


def last_night(at: datetime, timezone: str) -> datetime:
    """Give the last time at or before ``at`` at which learning was due."""
    zone = ZoneInfo(timezone)
    local = at.astimezone(zone)
    due = datetime.combine(local.date(), LEARN_AT, zone)
    return due if due <= at else datetime.combine(local.date() - timedelta(days=1), LEARN_AT, zone)


@dataclass(frozen=True, slots=True)
class _Task:
    """One baseline to learn."""

    key: Key
    devices: Sequence[KnownDevice]


class _Night:
    """One learning of one community, up to one moment."""

    def __init__(
        self, engine: Engine, rules: Sequence[Rule], community: KnownCommunity, until: datetime
    ) -> None:
        self._engine = engine
        self._community = community
        self._zone = ZoneInfo(community.timezone)
        self._since, self._until = until - WINDOW, until
        self._rules = rules

    def run(self) -> int:
        """Learn what is not learned yet, then tell; gives the number of new versions."""
        community_id = self._community.id
        with reading(self._engine) as session:
            done = repository.learned_keys(session, community_id, self._until)
            self._learnable = learnable_devices(session, community_id)
            self._blind = self._blind_periods(session)
        number = sum(self._learn(task) for task in self._tasks() if task.key not in done)
        with transaction(self._engine) as session:
            repository.forget(session, community_id, *self._secret())
            repository.prune(session, community_id, self._until - FORGOTTEN)
            repository.finish(session, community_id, self._until)
        log.info("learned %d baselines of %s", number, self._community.slug)
        return number

    def _tasks(self) -> Iterator[_Task]:
        wanted = [(rule, names) for rule in self._rules if (names := quantities(rule))]
        _, secret = self._secret()
        homes: dict[str, list[KnownDevice]] = {}
        fields: dict[str, list[str]] = {}
        for device in self._community.devices.values():
            if device.id not in self._learnable:
                continue
            model = device.model
            if model.name not in fields:
                fields[model.name] = _numbers_read(model, wanted)
            for name in fields[model.name]:
                yield _Task(("device", device.slug, name), [device])
            household = device.entities.get("household")
            if household in secret:
                continue
            if household is not None and model.name in MODELS:
                homes.setdefault(household, []).append(device)
        if any(QUANTITY in names for _, names in wanted):
            for household, members in homes.items():
                yield _Task(("household", household, QUANTITY), members)

    def _secret(self) -> tuple[set[str], set[str]]:
        """Give the devices and homes of which nothing may be learned (any more)."""
        devices = self._community.devices.values()
        hidden = [one for one in devices if one.id not in self._learnable]
        homes = {one.entities["household"] for one in hidden if "household" in one.entities}
        return {one.slug for one in hidden}, homes

    def _learn(self, task: _Task) -> bool:
        """Learn one baseline; one that fails stops no other."""
        try:
            with transaction(self._engine) as session:
                profile = self._profile(session, task)
                if profile is None:
                    return False
                repository.add(
                    session,
                    self._community.id,
                    task.key,
                    learned_at=now(),
                    until=self._until,
                    profile=msgspec.to_builtins(profile),
                )
        except UNAVAILABLE:
            raise
        except Exception:
            log.exception("the baseline %s cannot be learned", task.key)
            return False
        return True

    def _profile(self, session: Session, task: _Task) -> Profile | None:
        kind, _, quantity = task.key
        if kind == "household":
            return learn_peaks(self._silences(session, task.devices), self._zone)
        device = task.devices[0]
        means = repository.hourly_means(
            session, device.id, device.fields[quantity], self._since, self._until
        )
        return learn([(to_millis(hour), value) for hour, value in means], self._zone)

    def _silences(
        self, session: Session, members: Sequence[KnownDevice]
    ) -> Iterator[tuple[int, float]]:
        """Give the silences of a home, reading a week at a time."""
        blind = self._blindness(members)
        by_id = {device.id: device for device in members}
        source = _source(self._community.id, members)
        names = {
            (device.id, device.fields[field]): field
            for device in members
            if (field := FIELDS.get(device.model.name)) is not None
        }
        silences, since = Silences(), self._since
        while since < self._until:
            until = min(since + _STEP, self._until)
            said = repository.signs(session, source, since, until)
            yield from silences.take((_fact(one, by_id, names) for one in said), blind.ms)
            since = until

    def _blind_periods(self, session: Session) -> Mapping[int | None, list[Period]]:
        found: dict[int | None, list[Period]] = {}
        end = to_millis(self._until)
        for period in places.blind_periods(session, self._since, [self._community.id]):
            ended = end if period.ended_at is None else to_millis(period.ended_at)
            began = to_millis(period.started_at)
            found.setdefault(period.gateway_id, []).append((began, ended))
        return found

    def _blindness(self, members: Sequence[KnownDevice]) -> Blindness:
        """Give when a home could not be heard whole: ingest, or one of its gateways, was away."""
        speakers: set[int | None] = {None, *(device.gateway_id for device in members)}
        return Blindness(period for one in speakers for period in self._blind.get(one, ()))


def _numbers_read(model: DeviceModel, wanted: Sequence[tuple[Rule, frozenset[str]]]) -> list[str]:
    """Give the numeric fields of a model whose baseline a rule about it reads."""
    read: set[str] = set()
    for rule, names in wanted:
        everyone = "*" in rule.models and model.name not in rule.except_models
        if everyone or model.name in rule.models:
            read |= names
    return [f.name for f in model.fields if f.kind is Kind.NUMBER and f.name in read]


def _source(community_id: int, members: Sequence[KnownDevice]) -> Source:
    fields: set[int] = set()
    lasting: set[int] = set()
    for device in members:
        name = FIELDS.get(device.model.name)
        if name is not None:
            fields.add(device.fields[name])
            if device.model.name in LASTING:
                lasting.add(device.fields[name])
    return Source(community_id, [device.id for device in members], sorted(fields), sorted(lasting))


def _fact(
    sign: Sign, devices: Mapping[int, KnownDevice], names: Mapping[tuple[int, int], str]
) -> Fact:
    device = devices[sign.device_id]
    at = to_millis(sign.at)
    values = {}
    if sign.field_id is not None and sign.value is not None:
        name = names.get((device.id, sign.field_id))
        field = device.model.field(name) if name is not None else None
        if name is not None and field is not None:
            values[name] = field.word(sign.value)
    return Fact(device.slug, device.model.name, {}, at, at, values, event=sign.event)
