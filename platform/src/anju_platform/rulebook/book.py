"""The rules in force: evaluates readings, ticks timers, keeps what rules remember."""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy.orm import Session

from anju_platform.baselines.known import Baselines
from anju_platform.registry.coverage import Coverage
from anju_platform.registry.snapshot import KnownDevice, Registry
from anju_platform.rulebook import force, repository
from anju_platform.rulebook.force import Choice, Overlays, RuleSets
from anju_platform.rulebook.homes import HOME_STATE, TELL_OF_HOME, Homes
from anju_platform.rulebook.quiet import QuietDevices
from anju_platform.rulebook.remembered import Memories, Remembered
from anju_platform.rulebook.repository import StateKey, StoredState
from anju_platform.rulebook.succession import AT_ONCE, Heirs, shape
from anju_platform.rulebook.timers import Timetable
from anju_platform.telemetry.model import Flag
from anju_platform.telemetry.writing import Latest, Taken
from anju_rules import CompiledRule, Context, Fact, Finding, Outcome, Rule, RuleSet
from anju_rules.home import as_of

log = logging.getLogger(__name__)

_URGENT = 2
"""Timers of rules that can become this severe, or worse, are looked at first."""
RETRY_MS = 60_000
"""How soon a rule that failed is asked again about what time alone means."""
_RETAINED = int(Flag.RETAINED)
_NOTHING: Sequence["Found"] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A finding with the rule that made it and the device it is about, if it still exists."""

    finding: Finding
    rule: Rule
    community_id: int
    device: KnownDevice | None


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """What rules may look at besides the reading."""

    registry: Registry
    latest: Latest
    coverage: Coverage
    baselines: Baselines = field(default_factory=Baselines)

    @classmethod
    def load(
        cls, session: Session, registry: Registry, now: int, only: Collection[int] | None = None
    ) -> "World":
        """Read what belongs to a registry, of which ``only`` names the communities if not all.

        ``now`` in epoch milliseconds.
        """
        latest, coverage = Latest.load(session, only), Coverage.load(session, now, only)
        return cls(registry, latest, coverage, Baselines.load(session, only))


class Rulebook:
    """Rules and their states, in memory and, by :meth:`save`, in the database.

    ``rules`` is the library; what communities chose for themselves comes by :meth:`load`.
    After a failed transaction it no longer agrees with the database: make a new one.
    """

    def __init__(self, rules: Sequence[Rule], registry: Registry) -> None:
        self._library = {rule.id: rule for rule in rules}
        self._overlays: Overlays = {}
        self._compiled = RuleSets(self._library)
        self._sets: dict[int, RuleSet] = {}
        self._memory: Memories = {}
        self._quiet = QuietDevices(self._memory)
        self.adopt(registry)
        self._lost: list[StateKey] = []
        self._timers: Timetable[StateKey] = Timetable()
        self._changed: set[StateKey] = set()
        self._gone: set[StateKey] = set()
        self._homes = Homes()
        self.failures: Counter[str] = Counter()
        """How often a rule failed, by its id."""

    def adopt(self, registry: Registry) -> None:
        """Put the rules in force in every community, in its own time zone."""
        before, after = self._sets, self._compiled.of(registry.communities.values(), self._overlays)

        def is_changed(device: KnownDevice) -> bool:
            known = registry.communities.get(device.community_id)
            gone = known is None or device.slug not in known.devices
            return gone or after[device.community_id] is not before.get(device.community_id)

        self._quiet.wake_where(is_changed)
        self._sets = after

    @classmethod
    def load(
        cls,
        session: Session,
        rules: Sequence[Rule],
        registry: Registry,
        only: Collection[int] | None = None,
    ) -> "Rulebook":
        """Read the stored states of all communities, or some.

        That of rules no longer in force is forgotten.
        """
        book = cls(rules, registry)
        book._overlays = book._choose(session, registry)
        book.adopt(registry)
        heirs = Heirs()
        for stored in repository.load_states(session, only):
            try:
                book._restore(stored, registry, heirs)
            except (msgspec.ValidationError, KeyError) as error:
                # one memory lost is better than nobody watched over
                log.error("what is remembered of %s cannot be read: %r", stored.key, error)  # noqa: TRY400 - says it all
                book._lost.append(stored.key)
        return book

    def _restore(self, stored: StoredState, registry: Registry, heirs: Heirs) -> None:
        community_id, rule_id, entity = stored.key
        if rule_id == HOME_STATE:
            self._homes.restore(community_id, entity, stored.state)
            return
        rule = self._rule(stored.key)
        if rule is not None:
            state = rule.load(stored.state["state"])
            self._memory[stored.key] = Remembered(state, stored.state["device"], stored.due)
            self._set_timer(stored.key, stored.due)
            # rows of releases that did not say: there was only the library
            author = self._library.get(rule_id, rule.rule)
            former = stored.state.get("shape") or shape(author)
            version = stored.state.get("version", author.version)
            # a new release's library may ask otherwise under the same number
            if version != rule.rule.version or former != shape(rule.rule):
                self._inherit(stored.key, rule, former, registry, heirs)
        elif community_id in self._sets:
            self._gone.add(stored.key)
            if rule_id not in self._overlays.get(community_id, {}):
                self._lost.append(stored.key)  # no rule of this release has that id

    def catch_up(self, world: World) -> None:
        """Let silences that any word of a device ends begin with its last word."""
        for key, memory in self._memory.items():
            rule, community = self._rule(key), world.registry.communities.get(key[0])
            device = community.devices.get(memory.device) if community else None
            if rule is not None and rule.follows_device and device is not None:
                memory.state = rule.heard(memory.state, world.latest.last_word(device.id))

    def put_in_force(self, session: Session, registry: Registry) -> None:
        """Take over what communities chose by now; a rule that did not change notices nothing.

        A new version goes on with what the old one remembered, and looks at it at once; what
        means nothing to it is forgotten, as is all of a rule that is switched off.
        """
        before = self._sets
        self._overlays = self._choose(session, registry)
        self.adopt(registry)
        heirs = Heirs()
        for key in list(self._memory):
            sets = before.get(key[0])
            old, new = sets.find(key[1]) if sets else None, self._rule(key)
            if new is None:
                self._forget(key)
            elif new is not old:
                self._inherit(key, new, shape((old or new).rule), registry, heirs)

    def _choose(self, session: Session, registry: Registry) -> Overlays:
        """Read what the communities of the registry chose."""
        chosen = force.load(session, self._library, before=self._overlays)
        return {one: overlay for one, overlay in chosen.items() if one in registry.communities}

    def _inherit(
        self,
        key: StateKey,
        rule: CompiledRule,
        former: str,
        registry: Registry,
        heirs: Heirs,
    ) -> None:
        """Let a new version go on with what the one of the ``former`` shape remembered."""
        memory, community = self._memory[key], registry.communities.get(key[0])
        device = heirs.device(rule, key[2], memory.device, community) if community else None
        if device is None or former != shape(rule.rule):
            log.warning("version %d does not fit what is remembered of %s", rule.rule.version, key)
            self._forget(key)
            self._lost.append(key)
            return
        memory.device, memory.due = device, AT_ONCE
        self._set_timer(key, AT_ONCE)
        self._changed.add(key)

    def unwatched(self) -> tuple[list[Choice], list[StateKey]]:
        """Give what nobody judges any more: rules not in force, and entities lost since last time.

        The rules are given each time, for an alert of theirs may have been left by whoever
        was in office before.
        """
        lost, self._lost = self._lost, []
        chosen = (c for overlay in self._overlays.values() for c in overlay.values())
        return [choice for choice in chosen if choice.rule is None], lost

    def watch(self, world: World, now: int) -> list[Found]:
        """Start the absence timers of entities that are new in the registry.

        A home stays watched though the device that spoke last was taken out.
        """
        found: list[Found] = []
        for community in world.registry.communities.values():
            rules = self._sets[community.id]
            for device in community.devices.values():
                for rule in rules.watching(device.model.name):
                    entity = device.entities.get(rule.rule.entity)
                    if entity is None:
                        continue
                    key = (community.id, rule.rule.id, entity)
                    memory = self._memory.get(key)
                    if memory is not None:
                        if memory.device not in community.devices:  # another speaks for the home
                            memory.device = device.slug
                            self._changed.add(key)
                        continue
                    context = self._context(device, world, now, itself=rule.is_about_gateway)
                    found += self._apply(
                        rule, entity, device, rule.start, entity, context, device.slug
                    )
        return found

    def evaluate(self, one: Taken, world: World, now: int) -> Sequence[Found]:
        """Give what a reading means now, which may be long after it was received."""
        device, reading = one.device, one.reading
        community_id, slug, model = device.community_id, device.slug, device.model.name
        met = self._sets[community_id].meeting(model, reading.event, reading.values, reading.data)
        rules = self._quiet.hear(one, met, now) if _is_plain(one) else None
        if rules is None:
            self._quiet.wake(device.id)
            rules = met.rules
        household = device.entities.get("household")
        tells_of_home = household is not None and model in TELL_OF_HOME
        if not rules and not tells_of_home:
            return _NOTHING
        fact = Fact(
            slug,
            model,
            device.entities,
            one.at,
            one.received_at,
            reading.values,
            reading.event,
            reading.data,
            reading.id,
            retained=bool(one.flags & _RETAINED),
        )
        if household is not None and tells_of_home:
            self._homes.observe(community_id, household, fact)
        if not rules:
            return _NOTHING
        return self._ask(rules, fact, device, world, now)

    def _ask(
        self,
        rules: Sequence[CompiledRule],
        fact: Fact,
        device: KnownDevice,
        world: World,
        now: int,
    ) -> list[Found]:
        """Let rules judge a reading."""
        community_id, slug = device.community_id, device.slug
        found: list[Found] = []
        said = fact.said()
        context, of_gateway = self._context(device, world, now, itself=False), None
        for rule in rules:
            entity = rule.key(fact)
            if entity is None:
                continue
            asked = context
            if rule.is_about_gateway:
                of_gateway = of_gateway or self._context(device, world, now, itself=True)
                asked = of_gateway
            key = (community_id, rule.rule.id, entity)
            memory = self._memory.get(key)
            try:
                outcome = rule.step(memory.state if memory else None, fact, asked, said)
            except Exception as error:  # noqa: BLE001 - a rule that fails does not stop the others
                self._note_failure(rule, entity, device, error)
                continue
            # most readings change nothing that is worth a row, nor any timer: no more than this
            if memory is not None and not outcome.changed and outcome.due == memory.due:
                memory.state, memory.device = outcome.state, slug
            else:
                found += self._take_over(rule, key, device, outcome)
        return found

    def tick(self, world: World, now: int, most: int | None = None) -> list[Found]:
        """Give what the passing of time means: timers that are due, urgent rules' first.

        What is more than ``most`` is left for the next time: no alarm must wait for all.
        """
        found: list[Found] = []
        for key in self._timers.take_due(now, most):
            memory, rule = self._memory[key], self._rule(key)
            memory.due = now + RETRY_MS  # unless its rule tells otherwise
            self._set_timer(key, memory.due)
            community = world.registry.communities.get(key[0])
            device = community.devices.get(memory.device) if community else None
            if device is None or rule is None:
                self._forget(key)
                continue
            self._quiet.wake(device.id)
            context = self._context(device, world, now, itself=rule.is_about_gateway)
            found += self._apply(rule, key[2], device, rule.tick, memory.state, context)
        return found

    def learn(self, session: Session, world: World, communities: Collection[int], now: int) -> None:
        """Take over the newest baselines; silences they judge are looked at anew."""
        world.baselines.reload(session, communities)
        for key, memory in self._memory.items():
            if key[0] not in communities or memory.due is None or memory.due <= now:
                continue
            rule = self._rule(key)
            if rule is not None and rule.rule.absent_for and rule.rule.absent_for.learned:
                memory.due = now
                self._set_timer(key, now)

    def next_due(self) -> int | None:
        """Give when :meth:`tick` may have something to do."""
        return self._timers.next_due()

    def save(self, session: Session) -> None:
        """Write the states that changed."""
        rows = [
            StoredState(key, _stored(memory, rule), memory.due)
            for key in sorted(self._changed)
            if (rule := self._rule(key)) is not None
            and (memory := self._memory.get(key)) is not None
        ]
        rows += [
            StoredState((community, HOME_STATE, household), state, None)
            for community, household, state in self._homes.take_changed()
        ]
        if rows:
            repository.save_states(session, rows)
        if self._gone:
            repository.forget_states(session, sorted(self._gone))
        self._changed.clear()
        self._gone.clear()

    def _set_timer(self, key: StateKey, due: int | None) -> None:
        rule = self._rule(key)
        self._timers.put(key, due, first=rule is not None and rule.worst <= _URGENT)

    def _rule(self, key: StateKey) -> CompiledRule | None:
        rules = self._sets.get(key[0])
        return rules.find(key[1]) if rules else None

    def _context(self, device: KnownDevice, world: World, now: int, *, itself: bool) -> Context:
        """Give what a rule may look at.

        A rule about gateways themselves (``itself``) hears of them from the broker, so it is
        not blind when the gateway is away: that is what it is there to tell.
        """
        coverage = world.coverage
        gateway_id = None if itself else device.gateway_id
        household = device.entities.get("household")
        community = world.registry.communities[device.community_id]
        return Context(
            now=now,
            attributes=device.attributes,
            current=world.latest.values(device.id),
            person=as_of(device.person, now),
            site={
                "gateway_online": coverage.can_hear(gateway_id),
                "gateway_present": coverage.is_online(device.gateway_id),
                **self._homes.site(device.community_id, household, device.person, now),
                "armed": community.is_armed(now),
            },
            blind=lambda since: coverage.blind_ms(gateway_id, since, now),
            baseline=world.baselines.usual(device, community.timezone),
        )

    def _apply(
        self,
        rule: CompiledRule,
        entity: str,
        device: KnownDevice,
        act: Callable[..., Outcome],
        *about: Any,
    ) -> Sequence[Found]:
        """Take over what a rule answers; a rule that fails does not stop the others."""
        key = (device.community_id, rule.rule.id, entity)
        try:
            outcome = act(*about)
        except Exception as error:  # noqa: BLE001 - it is logged, and the others go on
            self._note_failure(rule, entity, device, error)
            return _NOTHING
        return self._take_over(rule, key, device, outcome)

    def _note_failure(
        self, rule: CompiledRule, entity: str, device: KnownDevice, error: Exception
    ) -> None:
        self.failures[rule.rule.id] += 1
        times = self.failures[rule.rule.id]
        if times & (times - 1) == 0:  # 1, 2, 4, 8 ...: it may fail at every reading
            text = "rule %s failed for %s of %s (%d)"
            log.error(text, rule.rule.id, entity, device.slug, times, exc_info=error)

    def _take_over(
        self, rule: CompiledRule, key: StateKey, device: KnownDevice, outcome: Outcome
    ) -> Sequence[Found]:
        if outcome.state is None:
            self._forget(key)
        else:
            self._remember(key, outcome, device.slug)
        if not outcome.findings:
            return _NOTHING
        return [Found(each, rule.rule, device.community_id, device) for each in outcome.findings]

    def _remember(self, key: StateKey, outcome: Outcome, device: str) -> None:
        memory = self._memory.get(key)
        if memory is None:
            memory = self._memory[key] = Remembered(outcome.state, device, None)
        memory.state, memory.device = outcome.state, device
        if outcome.due != memory.due:
            memory.due = outcome.due
            self._set_timer(key, outcome.due)
        if outcome.changed:
            self._changed.add(key)
            self._gone.discard(key)

    def _forget(self, key: StateKey) -> None:
        self._timers.put(key, None)
        self._changed.discard(key)
        if self._memory.pop(key, None) is not None:
            self._gone.add(key)


def _is_plain(one: Taken) -> bool:
    """Tell whether a reading is nothing but values of just then."""
    said = one.reading
    return said.event is None and said.id is None and not said.data and not one.flags & _RETAINED


def _stored(memory: Remembered, rule: CompiledRule) -> dict[str, Any]:
    """Give a memory's row; with what made it, for the next start may be with another version."""
    return {
        "device": memory.device,
        "version": rule.rule.version,
        "shape": shape(rule.rule),
        "state": rule.dump(memory.state),
    }
