"""The walk of a group of messages through one transaction, in reading order.

Decode and check the lane, take the readings in, evaluate the rules, raise alerts, plan who
is told, write; what is to be said to gateways is given back and goes out after the commit.
"""

import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from anju_devices.errors import InvalidMessageError, InvalidReadingError
from anju_devices.link import Message
from anju_devices.messages import (
    Batch,
    CommandResult,
    Reading,
    Status,
    decode_result,
    decode_status,
)
from anju_devices.topics import Channel
from anju_platform.alerts import repository as alerts
from anju_platform.alerts.muting import Muting
from anju_platform.alerts.unwatched import lose_sight
from anju_platform.canary import repository as canaries
from anju_platform.commands import repository as commands
from anju_platform.commands.requests import as_message
from anju_platform.database import driver, from_millis, now, to_millis
from anju_platform.group import Group, Outgoing, carry_over
from anju_platform.lanes import intake
from anju_platform.lanes import repository as lanes
from anju_platform.lanes.intake import Delivery, Fault, Reason
from anju_platform.lanes.model import Quarantined
from anju_platform.lanes.progress import Progress, Verdict
from anju_platform.notifications import repository as notifications
from anju_platform.offices import repository as offices
from anju_platform.registry import repository as registered
from anju_platform.registry import snapshot
from anju_platform.registry.partitions import ALL, partition_of
from anju_platform.registry.snapshot import KnownDevice, KnownGateway
from anju_platform.rulebook.book import Rulebook, World
from anju_platform.telemetry import writing
from anju_platform.telemetry.rollups.repository import mark_stale
from anju_platform.telemetry.writing import Clocks, PointStream, Taken, clock_behind
from anju_rules import Rule

log = logging.getLogger(__name__)

DEAF_MS = 5_000
"""A pause of ingest longer than this counts as a blind period."""
BEAT_MS = 1_000
"""How often is noted that our partitions are listened to."""
TICKS_MOST = 500
"""So many timers are looked at in one transaction; each takes some 30 to 50 µs."""
RESEND = timedelta(seconds=30)
"""An unanswered command is sent again after this time."""


class Walk:
    """Takes the messages of some partitions' communities in.

    Holds in memory what it alone writes; :meth:`load` reads it anew.
    """

    def __init__(self, rules: Sequence[Rule], partitions: frozenset[int] = ALL) -> None:
        self._rules = rules
        self._partitions = partitions
        self._clocks = Clocks()
        self._last_call = 0
        self._beat_at = 0
        self._awake_at: int | None = None
        self.replays, self.tried = False, 0
        """Whether quarantine may hold rows for :meth:`replay`; how many it tried last."""

    def load(self, session: Session, at: int) -> None:
        """Read the registry and all states; call it first, and after every failed transaction."""
        only = self._communities(session)
        registry = snapshot.load(session, only)
        self._gateways, self._registry_is_new = registry.gateways(), True
        self.progress = Progress.load(session, None if only is None else self._gateways)
        self._world = World.load(session, registry, at, only)
        self._rulebook = Rulebook.load(session, self._rules, registry, only)
        self._rulebook.catch_up(self._world)
        self._muting = Muting.load(session, only)

    def was_deaf(self, session: Session, started: int, ended: int) -> None:
        """Note that nothing could be heard from ``started`` to ``ended``."""
        self._world.coverage.was_deaf(session, self._world.registry.communities, started, ended)

    def note_downtime(self, session: Session, at: int) -> None:
        """Note since when nobody listened to our partitions, where that is long.

        In memory the longest of these times counts for all of them: absence rules stand still.
        """
        last = offices.last_heard(session, self._partitions)
        coverage, communities = self._world.coverage, self._world.registry.communities
        for heard_at in sorted(set(last.values())):
            since = to_millis(heard_at)
            if at - since > DEAF_MS:
                ours = [c for c in communities if last.get(partition_of(c)) == heard_at]
                coverage.was_deaf(session, ours, since, at)

    def _communities(self, session: Session) -> Collection[int] | None:
        """Give the communities of our partitions; None for all there are."""
        if self._partitions == ALL:
            return None
        every = registered.community_ids(session)
        return [one for one in every if partition_of(one) in self._partitions]

    @property
    def communities(self) -> frozenset[str] | None:
        """Whose messages are taken in, by slug; None: everybody's, known or not."""
        return None if self._partitions == ALL else frozenset(self._world.registry.by_slug)

    def reload_registry(self, session: Session) -> None:
        """Take over a changed registry; what the rules remember stays."""
        registry = snapshot.load(session, self._communities(session))
        self._world = replace(self._world, registry=registry)
        self._rulebook.adopt(registry)
        self._gateways, self._registry_is_new = registry.gateways(), True
        self.reload_windows(session)  # other places may lie in them

    def reload_windows(self, session: Session) -> None:
        """Take over what work and drills were planned or ended."""
        self._muting.reload(session, self._communities(session))

    def reload_rules(self, session: Session) -> None:
        """Take over what rules were put in force or switched off; the others notice nothing."""
        self._rulebook.put_in_force(session, self._world.registry)
        self._registry_is_new = True  # a new rule meets every device for the first time

    def reload_baselines(self, session: Session, communities: Collection[int], at: int) -> None:
        """Take over what was learned of some communities."""
        self._rulebook.learn(session, self._world, communities, at)

    def community_ids(self) -> Collection[int]:
        """Give the communities that are taken in, by id."""
        return self._world.registry.communities.keys()

    @property
    def is_behind(self) -> bool:
        """Whether rows of devices are behind what was said; the next groups write them."""
        return self._world.latest.is_behind

    def next_due(self) -> int | None:
        """Give when a rule's timer may be due, epoch milliseconds."""
        return self._rulebook.next_due()

    def take_in(
        self,
        session: Session,
        messages: Iterable[Message],
        at: int,
        *,
        deaf_since: int | None = None,
        tick: bool = True,
        isolate: bool = False,
    ) -> Outgoing:
        """Carry a group of messages, and the passing of time if ``tick``, into the database.

        ``deaf_since`` is when the broker was lost, if it is away. With ``isolate`` a finding
        the database refuses is left out, and newcomers wait, so that what came with them is
        taken in all the same.
        """
        group = Group(at)
        if self._awake_at is not None and at - self._awake_at > DEAF_MS:
            # a frozen machine, a lock waited for: what was said meanwhile still waits for us
            self.was_deaf(session, self._awake_at, at)
        self._world.coverage.deaf_since = deaf_since
        if self._registry_is_new and not isolate:  # whoever is taken in alone is not to blame
            self._meet_newcomers(session, group)
        with PointStream(session) as points:
            for message in messages:
                self._sort(session, message, group, points)
                points.keep_up(group.taken)
            if tick:
                group.outgoing.tally.due(self._rulebook.next_due(), at)
                group.found += self._rulebook.tick(self._world, at, TICKS_MOST)
            group.outgoing.points = points.finish(group.taken)
            self._world.latest.prepare()
        group.hours = points.hours
        self._finish(session, group, isolate=isolate)
        self._awake_at = at
        return group.outgoing

    def _finish(self, session: Session, group: Group, *, isolate: bool = False) -> None:
        carry_over(session, group, self._muting, isolate=isolate)
        self._call_gateways(session, group)
        self._write(session, group)

    def refuse(self, session: Session, message: Message, error: Exception) -> Outgoing:
        """Keep a message aside that the database would not take, so that it blocks nobody."""
        group = Group(message.received_at)
        topic = intake.parse_topic(message)
        fault = Fault(Reason.REFUSED, f"{type(error).__name__}: {error}")
        gateway = (
            None
            if isinstance(topic, Fault)
            else self._world.registry.gateway(topic.community, topic.gateway)
        )
        if isinstance(topic, Fault) or gateway is None or topic.channel not in intake.LANES:
            community = None if isinstance(topic, Fault) else topic.community
            self._keep(message, fault, group, gateway=gateway, community=community)
        else:
            delivery = intake.read(message, topic)
            self._set_aside(delivery, gateway, fault, group)
        self._write(session, group)
        return group.outgoing

    # -- messages ------------------------------------------------------------------------

    def _sort(self, session: Session, message: Message, group: Group, points: PointStream) -> None:
        topic = intake.parse_topic(message)
        if isinstance(topic, Fault):
            group.quarantined.append(intake.quarantined(message, topic))
            return
        gateway = self._world.registry.gateway(topic.community, topic.gateway)
        if gateway is None:
            fault = Fault(
                Reason.UNKNOWN_GATEWAY, f"no gateway {topic.gateway} in {topic.community}"
            )
            self._keep(message, fault, group, community=topic.community)
        elif topic.channel in intake.LANES:
            self._batch(intake.read(message, topic), gateway, group)
        elif topic.channel is Channel.STATUS:
            points.pause()
            self._status(session, message, gateway, group)
        elif topic.channel is Channel.RESULTS:
            points.pause()
            self._result(session, message, gateway, group)

    def _batch(self, delivery: Delivery, gateway: KnownGateway, group: Group) -> None:
        """Take the next batch of a lane in; an old or early one is only answered."""
        head = delivery.envelope
        if delivery.fault is not None:
            self._set_aside(delivery, gateway, delivery.fault, group)
            return
        if head is None or delivery.batch is None:
            return
        group.outgoing.committed[gateway.id, head.epoch] = gateway
        verdict = self.progress.judge(gateway.id, head.epoch, delivery.lane, head.seq)
        told = delivery.batch.readings if verdict is Verdict.NEXT else ()
        group.outgoing.tally.batch(delivery.lane, verdict.name.lower(), told)
        if verdict is not Verdict.NEXT:
            return
        self._readings(delivery, delivery.batch, gateway, group)
        self.progress.advance(gateway.id, head.epoch, delivery.lane, head.seq)

    def _set_aside(
        self, delivery: Delivery, gateway: KnownGateway, fault: Fault, group: Group
    ) -> None:
        """Quarantine a whole batch; its lane moves on where its head can be read."""
        head = delivery.envelope
        if head is not None:
            group.outgoing.committed[gateway.id, head.epoch] = gateway
            verdict = self.progress.judge(gateway.id, head.epoch, delivery.lane, head.seq)
            if verdict is not Verdict.NEXT:
                return
            self.progress.advance(gateway.id, head.epoch, delivery.lane, head.seq)
        group.quarantined.append(
            intake.quarantined(
                delivery.message,
                fault,
                community_id=gateway.community_id,
                gateway_id=gateway.id,
                envelope=head,
            )
        )

    def _readings(
        self, delivery: Delivery, batch: Batch, gateway: KnownGateway, group: Group
    ) -> None:
        message = delivery.message
        behind = clock_behind(batch.sent_at, message.received_at, self._world.coverage)
        strangers: dict[tuple[str, Fault], list[Reading]] = {}
        for reading in batch.readings:
            device = gateway.devices.get(reading.device)
            if reading.device in gateway.stopped:
                group.outgoing.tally.withheld += 1  # whoever lives there wants none of it kept
                continue
            if device is None:
                fault = Fault(Reason.UNKNOWN_DEVICE, f"{gateway.slug} has no such device")
                strangers.setdefault((reading.device, fault), []).append(reading)
                continue
            try:
                device.model.check(reading)
            except InvalidReadingError as error:
                fault = Fault(Reason.INVALID_READING, str(error))
                strangers.setdefault((reading.device, fault), []).append(reading)
                continue
            one = self._clocks.take(
                device,
                reading,
                delivery.lane,
                message.received_at,
                retained=message.retained,
                behind=behind,
            )
            self._take(one, group)
        for (name, fault), readings in strangers.items():
            group.quarantined.append(
                intake.quarantined(
                    message,
                    fault,
                    community_id=gateway.community_id,
                    gateway_id=gateway.id,
                    envelope=batch,
                    device=name,
                    readings=readings,
                )
            )

    def _take(self, one: Taken, group: Group) -> None:
        group.taken.append(one)
        self._world.latest.observe(one)
        group.found += self._rulebook.evaluate(one, self._world, max(one.received_at, group.now))

    def _status(
        self, session: Session, message: Message, gateway: KnownGateway, group: Group
    ) -> None:
        """Follow a gateway's coming and going; one that comes learns what is committed."""
        try:
            status: Status = decode_status(message.payload)
        except InvalidMessageError as error:
            self._keep(message, Fault(Reason.UNREADABLE, str(error)), group, gateway=gateway)
            return
        coverage, at = self._world.coverage, message.received_at
        changed = coverage.is_online(gateway.id) != status.online
        if status.online:
            coverage.found(session, gateway, at, status.version)
            group.call.add(gateway.id)
            if status.epoch:
                group.outgoing.committed[gateway.id, status.epoch] = gateway
        elif changed:
            coverage.lost(session, gateway, at)
        if changed:
            group.changes.setdefault(gateway.community_id, []).append(("gateway", gateway.slug))
            itself = self._itself(gateway)
            if itself is not None:
                event = "online" if status.online else "offline"
                reading = Reading(device=itself.slug, at=at, event=event)
                self._take(Taken(itself, reading, at, at, flags=0), group)

    def _itself(self, gateway: KnownGateway) -> KnownDevice | None:
        """Give the device that stands for the gateway, through which it is watched."""
        device = gateway.devices.get(gateway.slug)
        return device if device is not None and device.model.name == "gateway" else None

    def _result(
        self, session: Session, message: Message, gateway: KnownGateway, group: Group
    ) -> None:
        try:
            result: CommandResult = decode_result(message.payload)
            command = UUID(result.id)
        except (InvalidMessageError, ValueError) as error:
            self._keep(message, Fault(Reason.UNREADABLE, str(error)), group, gateway=gateway)
            return
        commands.answer(
            session,
            gateway.id,
            command,
            ok=result.ok,
            detail=result.detail.replace("\0", "")[:1000],
            at=from_millis(message.received_at),
        )

    def _keep(
        self,
        message: Message,
        fault: Fault,
        group: Group,
        *,
        gateway: KnownGateway | None = None,
        community: str | None = None,
    ) -> None:
        """Quarantine a message for the staff of the community its topic names."""
        known = self._world.registry.by_slug.get(community or "")
        owner = gateway.community_id if gateway else (known.id if known else None)
        speaker = gateway.id if gateway else None
        group.quarantined.append(
            intake.quarantined(message, fault, community_id=owner, gateway_id=speaker)
        )

    # -- a changed registry --------------------------------------------------------------

    def _meet_newcomers(self, session: Session, group: Group) -> None:
        """Watch new devices for absence; what they said before they were known may be replayed."""
        self._world.coverage.knows(self._world.registry, session, group.now)
        group.found += self._rulebook.watch(self._world, group.now)
        for alert in lose_sight(session, *self._rulebook.unwatched(), group.now):
            group.changes.setdefault(alert.community_id, []).append(("alert", str(alert.id)))
        self._registry_is_new, self.replays = False, True

    def replay(self, session: Session, at: int, most: int) -> Outgoing:
        """Take in what devices said before they were known, up to ``most`` rows of quarantine."""
        group = Group(at)
        rows = self._waiting(session, most)
        self.tried = len(rows)
        for device, row in rows:
            clocks = Clocks()
            for reading in intake.replayable(row, device):
                lane, received_at = device.model.lane(reading), to_millis(row.received_at)
                one = clocks.take(device, reading, lane, received_at, retained=False)
                self._take(one, group)
        group.outgoing.points = writing.record_points(session, group.taken)
        lanes.mark_released(session, [row.id for _, row in rows])
        self.replays = len(rows) == most
        self._finish(session, group)
        return group.outgoing

    def refuse_replay(self, session: Session, error: Exception) -> None:
        """Leave the row that is next aside for good: the database will not have it."""
        for _, row in self._waiting(session, 1):
            row.reason, row.detail = Reason.REFUSED, f"{type(error).__name__}: {error}"[:1000]

    def _waiting(self, session: Session, most: int) -> list[tuple[KnownDevice, Quarantined]]:
        """Give the first rows of devices that are known by now, always in one order."""
        found: list[tuple[KnownDevice, Quarantined]] = []
        reason = Reason.UNKNOWN_DEVICE
        for gateway_id, name in sorted(lanes.waiting_devices(session, reason)):
            gateway = self._gateways.get(gateway_id)
            device = gateway.devices.get(name) if gateway else None
            if device is not None and len(found) < most:
                left = most - len(found)
                rows = lanes.of_device(session, gateway_id, name, reason, limit=left)
                found += [(device, row) for row in rows]
        return found

    # -- what follows --------------------------------------------------------------------

    def _call_gateways(self, session: Session, group: Group) -> None:
        """Choose the commands to send: new ones, all on a gateway's return, unanswered ones."""
        present = {g for g in self._gateways if self._world.coverage.is_online(g)}
        if group.now - self._last_call > RESEND.total_seconds() * 1000:
            self._last_call = group.now
            called, before = present, now() - RESEND
        else:
            called, before = group.call & present, now()
        if not called:
            return
        chosen = commands.to_send(session, now(), sent_before=before, gateways=sorted(called))
        if chosen:
            commands.mark_sent(session, [command.id for command in chosen], now())
        group.outgoing.commands = [(self._gateways[c.gateway_id], as_message(c)) for c in chosen]

    def call_everyone(self) -> None:
        """Look for unsent commands in the next transaction."""
        self._last_call = 0

    def _write(self, session: Session, group: Group) -> None:
        """Write what happened and what is remembered, in one round trip."""
        if group.quarantined:
            lanes.quarantine(session, group.quarantined)
            group.outgoing.tally.quarantined.update(row.reason for row in group.quarantined)
            log.warning("quarantined %d: %s", len(group.quarantined), group.quarantined[0].detail)
        group.outgoing.tally.failures = self._rulebook.failures
        with driver(session).pipeline():
            mark_stale(session, group.hours)
            writing.record_events(session, group.taken)
            self._world.latest.save(session)
            self._rulebook.save(session)
            alerts.add_entries(session, group.entries)
            notifications.add(session, group.planned)
            canaries.add(session, group.canaries)
            for community_id, changes in sorted(group.changes.items()):
                alerts.announce_all(session, community_id, list(dict.fromkeys(changes)))
            self.progress.save(session)
            deaf = self._world.coverage.deaf_since is not None
            if not deaf and group.now - self._beat_at >= BEAT_MS:
                self._beat_at = group.now
                offices.heard(session, self._partitions)
