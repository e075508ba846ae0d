"""What a process knows of how it is doing: counted in memory, told once a second.

The figures are Prometheus metrics from the start. :mod:`anju_platform.pulse` writes them
beside the process's sign of life, and the web process shows those of all (ADR 20).
"""

import threading
import time
from collections import Counter as Count
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import msgspec
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from anju_devices.messages import Lane, Reading
from anju_platform.watchdog import Watchdog

NETWORK = "network"
"""What the watchdog calls an ingest's network thread."""
RECENT_S = 60
"""What is shown as "now" is the mean of so long."""

_COMMIT_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_DELAY_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600, 3600, 86_400)
_MESSAGES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
_CREATED = "_created"


class Sample(NamedTuple):
    """One value of a metric; ``name`` has the suffix that Prometheus gives it."""

    name: str
    labels: dict[str, str]
    value: float


class Family(msgspec.Struct, frozen=True):
    """One metric: ``type`` and ``help`` as Prometheus means them."""

    name: str
    type: str
    help: str
    samples: list[Sample]


class Queue(msgspec.Struct, frozen=True):
    """What waits for the writer in one lane, and for how long the oldest has."""

    messages: int
    oldest_s: float


class Recent(msgspec.Struct, frozen=True):
    """The last minute of an ingest; null while there was nothing to measure."""

    points_per_s: float
    commit_p50_s: float | None
    commit_p95_s: float | None
    delay_p95_s: dict[str, float]


class Figures(msgspec.Struct, frozen=True):
    """What a process says of itself.

    ``communities`` are those an ingest takes in now, by id, and ``unheard_s`` for how long it
    has not been able to hear them (null: never yet). ``still_s`` is how long the thread that
    stands still longest has not moved.
    """

    families: list[Family] = []
    still_s: float = 0.0
    communities: list[int] = []
    unheard_s: float | None = None
    queues: dict[str, Queue] = {}
    recent: Recent | None = None


@dataclass(slots=True)
class Tally:
    """What one transaction took in; counted only once it is committed."""

    batches: Count[tuple[str, str]] = field(default_factory=Count)
    readings: Count[str] = field(default_factory=Count)
    oldest: dict[str, int] = field(default_factory=dict)
    quarantined: Count[str] = field(default_factory=Count)
    withheld: int = 0
    late_ms: int | None = None
    failures: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    def batch(self, lane: Lane, verdict: str, readings: Sequence[Reading]) -> None:
        """Note a batch: what its number meant, and from when its first reading is."""
        self.batches[lane.value, verdict] += 1
        self.readings[lane.value] += len(readings)
        if readings:
            at = readings[0].at
            self.oldest[lane.value] = min(at, self.oldest.get(lane.value, at))

    def due(self, due: int | None, at: int) -> None:
        """Note how late the first timer is that is due (epoch ms; 0: it asked for "at once")."""
        if due and due <= at:
            self.late_ms = at - due


class Vitals:
    """The figures every process has: memory, processor time, threads that stand still."""

    def __init__(self) -> None:
        self.watchdog = Watchdog()
        self.registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(namespace="anju", registry=self.registry)
        self._still = Gauge(
            "anju_thread_still_seconds",
            "for how long a thread that should never rest has not moved",
            ["thread"],
            registry=self.registry,
        )

    def figures(self) -> Figures:
        """Give all of it as of now."""
        standing = self.watchdog.standing()
        self._still.clear()
        for thread, seconds in standing.items():
            self._still.labels(thread).set(seconds)
        return Figures(families=_families(self.registry), still_s=max(standing.values(), default=0))


class IngestVitals(Vitals):
    """The figures of an ingest process; all methods may be called from any thread."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._turns = 0
        self._communities: Collection[int] = ()
        self._heard_at: float | None = None
        self._waiting_now: Callable[[], Mapping[str, tuple[int, int | None]]] = dict
        self._is_connected = False
        self._recent: deque[_Snapshot] = deque(maxlen=RECENT_S + 1)
        self._declare()

    def _declare(self) -> None:
        counter = partial(Counter, registry=self.registry)
        gauge = partial(Gauge, registry=self.registry)
        histogram = partial(Histogram, registry=self.registry)
        self._points = counter("anju_ingest_points", "points stored")
        self._readings = counter("anju_ingest_readings", "readings taken in", ["lane"])
        self._batches = counter(
            "anju_ingest_batches",
            "batches by what their number meant: next is taken in, old was, gap comes too early",
            ["lane", "verdict"],
        )
        self._withheld = counter(
            "anju_ingest_withheld",
            "readings nobody takes in at the wish of whoever lives there",
            [],
        )
        self._quarantined = counter(
            "anju_ingest_quarantined", "what could not be taken in", ["reason"]
        )
        self._commit = histogram(
            "anju_ingest_commit_seconds",
            "one group's transaction, from its begin to its commit",
            buckets=_COMMIT_S,
        )
        self._group = histogram(
            "anju_ingest_group_messages", "messages in one transaction", buckets=_MESSAGES
        )
        self._delay = histogram(
            "anju_ingest_delay_seconds",
            "from the device's clock to the commit, of the oldest batch in each transaction",
            ["lane"],
            buckets=_DELAY_S,
        )
        self._timers = histogram(
            "anju_rule_timer_late_seconds",
            "how late a rule's timer was looked at",
            buckets=_DELAY_S,
        )
        self._failures = _Followed(
            counter("anju_rule_failures", "times a rule could not judge its reading", ["rule"])
        )
        self._refused = _Followed(
            counter(
                "anju_ingest_refused",
                "messages not taken because their gateway sends more than it may",
                ["gateway"],
            )
        )
        self._waiting = gauge(
            "anju_ingest_waiting_messages", "messages that wait for the writer", ["lane"]
        )
        self._oldest = gauge(
            "anju_ingest_waiting_seconds", "for how long the oldest of them has", ["lane"]
        )
        self._connected = gauge("anju_broker_connected", "1 while the broker is there")
        self._losses = counter("anju_broker_losses", "times the broker was lost")
        self._unheard = gauge(
            "anju_ingest_unheard_seconds", "for how long nothing could be taken in"
        )

    # -- what the writer tells -------------------------------------------------------------

    @property
    def turns(self) -> int:
        """How often the writer came round; the watchdog looks whether it moves."""
        return self._turns

    def turned(self, *, hearing: bool = False) -> None:
        """Note that the writer came round; ``hearing``: it serves, and the broker is there."""
        self._turns += 1
        if hearing:
            self._heard_at = time.monotonic()

    def serves(
        self,
        communities: Collection[int],
        waiting: Callable[[], Mapping[str, tuple[int, int | None]]] = dict,
    ) -> None:
        """Say whom it takes in from now on (by id; nobody: not in office).

        ``waiting`` gives, by kind, how many messages wait and when the first came (epoch ms).
        """
        with self._lock:
            self._communities, self._waiting_now = communities, waiting

    def broker(self, *, connected: bool) -> None:
        """Note that the broker came or went."""
        with self._lock:
            if self._is_connected and not connected:
                self._losses.inc()
            self._is_connected = connected
            self._connected.set(connected)

    def stored(self, tally: Tally, *, points: int, messages: int) -> None:
        """Count what a transaction took in, once it is committed."""
        at = time.time()
        self._points.inc(points)
        for (lane, verdict), number in tally.batches.items():
            self._batches.labels(lane, verdict).inc(number)
        for lane, number in tally.readings.items():
            self._readings.labels(lane).inc(number)
        for lane, oldest in tally.oldest.items():
            self._delay.labels(lane).observe(max(0.0, at - oldest / 1000))
        self._withheld.inc(tally.withheld)
        for reason, number in tally.quarantined.items():
            self._quarantined.labels(reason).inc(number)
        if tally.late_ms is not None:
            self._timers.observe(tally.late_ms / 1000)
        if messages:
            self._group.observe(messages)
            self._commit.observe(tally.seconds)
        self._failures.follow(tally.failures)

    def refused(self, messages: Mapping[str, int]) -> None:
        """Count what was refused, from how much was in this term, by gateway."""
        self._refused.follow(messages)

    # -- what is told ----------------------------------------------------------------------

    def figures(self) -> Figures:
        """Give all of it as of now."""
        with self._lock:
            communities, waiting = self._communities, self._waiting_now()
        now_ms = time.time() * 1000
        queues = {
            lane: Queue(number, 0.0 if first is None else max(0.0, now_ms - first) / 1000)
            for lane, (number, first) in waiting.items()
        }
        for lane, queue in queues.items():
            self._waiting.labels(lane).set(queue.messages)
            self._oldest.labels(lane).set(queue.oldest_s)
        unheard_s = None
        if self._heard_at is not None:
            network_still_s = self.watchdog.still_s(NETWORK)
            unheard_s = max(time.monotonic() - self._heard_at, network_still_s)
            self._unheard.set(unheard_s)
        told = super().figures()
        return msgspec.structs.replace(
            told,
            communities=sorted(communities),
            unheard_s=unheard_s,
            queues=queues,
            recent=self._look_back(told.families),
        )

    def _look_back(self, families: Sequence[Family]) -> Recent | None:
        """Give what changed in the last minute."""
        now = _Snapshot.of(time.monotonic(), families)
        self._recent.append(now)
        then = self._recent[0]
        if now.at <= then.at:
            return None
        commits = _between(then.buckets(_COMMITS), now.buckets(_COMMITS))
        delays = {
            lane: found
            for lane in (Lane.EVENTS.value, Lane.TELEMETRY.value)
            if (found := quantile(0.95, _between(then.delays(lane), now.delays(lane)))) is not None
        }
        return Recent(
            points_per_s=round((now.points - then.points) / (now.at - then.at), 1),
            commit_p50_s=quantile(0.5, commits),
            commit_p95_s=quantile(0.95, commits),
            delay_p95_s=delays,
        )


_COMMITS = "anju_ingest_commit_seconds"
_DELAYS = "anju_ingest_delay_seconds"
Buckets = dict[float, float]
"""How many were at most so long, by the bound in seconds, the last one infinite."""


@dataclass(frozen=True, slots=True)
class _Snapshot:
    at: float
    points: float
    _buckets: Mapping[tuple[str, str], Buckets]

    @classmethod
    def of(cls, at: float, families: Sequence[Family]) -> "_Snapshot":
        points = 0.0
        buckets: dict[tuple[str, str], Buckets] = {}
        for family in families:
            if family.name == "anju_ingest_points":
                points = family.samples[0].value
            elif family.name in {_COMMITS, _DELAYS}:
                for name, labels, value in family.samples:
                    if name.endswith("_bucket"):
                        of_lane = buckets.setdefault((family.name, labels.get("lane", "")), {})
                        of_lane[float(labels["le"])] = value
        return cls(at, points, buckets)

    def buckets(self, name: str) -> Buckets:
        return self._buckets.get((name, ""), {})

    def delays(self, lane: str) -> Buckets:
        return self._buckets.get((_DELAYS, lane), {})


def _between(before: Buckets, after: Buckets) -> Buckets:
    return {bound: number - before.get(bound, 0.0) for bound, number in after.items()}


def quantile(share: float, buckets: Buckets) -> float | None:
    """Give the quantile of a cumulative histogram, as Prometheus' ``histogram_quantile`` does.

    Beyond the last finite bound it gives that bound: it is at least so long.
    """
    bounds = sorted(buckets)
    total = buckets[bounds[-1]] if bounds else 0.0
    if total <= 0:
        return None
    rank, lower, below = share * total, 0.0, 0.0
    for bound in bounds:
        if buckets[bound] >= rank:
            if bound == float("inf"):
                return lower
            inside = buckets[bound] - below
            part = (rank - below) / inside if inside else 1.0
            return lower + (bound - lower) * part
        lower, below = bound, buckets[bound]
    return lower


class _Followed:
    """A counter that follows counts which begin anew with each new mapping."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._of: Mapping[str, int] = {}
        self._seen: dict[str, int] = {}

    def follow(self, counts: Mapping[str, int]) -> None:
        if self._of is not counts:
            self._of, self._seen = counts, {}
        for label, number in dict(counts).items():
            if number > self._seen.get(label, 0):
                self._counter.labels(label).inc(number - self._seen.get(label, 0))
                self._seen[label] = number


class WorkerVitals(Vitals):
    """The figures of a worker process."""

    def __init__(self) -> None:
        super().__init__()
        self.turns = 0
        self._deliveries = Counter(
            "anju_deliveries",
            "attempts to deliver a message, by channel and what became of it",
            ["channel", "outcome"],
            registry=self.registry,
        )
        self._upkeep = Counter(
            "anju_upkeep_failures",
            "upkeep that failed and is called again",
            ["upkeep"],
            registry=self.registry,
        )

    def turned(self) -> None:
        """Note that the deliverer came round; the watchdog looks whether it moves."""
        self.turns += 1

    def delivered(self, channel: str, outcome: str) -> None:
        """Count one attempt."""
        self._deliveries.labels(channel, outcome).inc()

    def failed(self, upkeep: str) -> None:
        """Count upkeep that failed."""
        self._upkeep.labels(upkeep).inc()


class WebVitals(Vitals):
    """The figures of a web process; ``live_screens`` gives how many watch now."""

    def __init__(self, live_screens: Callable[[], int]) -> None:
        super().__init__()
        screens = Gauge("anju_live_screens", "open live streams", registry=self.registry)
        screens.set_function(live_screens)


def _families(registry: CollectorRegistry) -> list[Family]:
    return [
        Family(
            metric.name,
            metric.type,
            metric.documentation,
            [
                Sample(one.name, dict(one.labels), one.value)
                for one in metric.samples
                if not one.name.endswith(_CREATED)
            ],
        )
        for metric in registry.collect()
    ]
