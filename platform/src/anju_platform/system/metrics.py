"""Prometheus metrics of all processes, read from the database when they are asked for."""

from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from anju_platform.alerts.model import Handling
from anju_platform.database import now, reading
from anju_platform.system import listing, repository
from anju_platform.system.listing import Process

_SHOWN_S = 60.0
"""Of a process that has been silent for longer only its silence is told, not what it said last."""


class _FromDatabase(Collector):
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def collect(self) -> Iterator[Metric]:
        with reading(self._engine) as session:
            yield _alerts(session)
            yield from _flow(session)
            found = listing.processes(session)
        yield _silence(found)
        yield from _own_words(found)


def _alerts(session: Session) -> Metric:
    family = GaugeMetricFamily("anju_alerts_open", "open alerts", labels=["severity", "handling"])
    counts = repository.open_alerts(session)
    for severity in range(1, 5):
        for handling in (Handling.UNACKED, Handling.ACKED):
            family.add_metric([f"P{severity}", handling], counts.get((severity, handling), 0))
    return family


def _flow(session: Session) -> Iterator[Metric]:
    moment = now()
    online, known = repository.gateways_online(session)
    outbox = repository.outbox(session, None, moment)
    stored = repository.last_stored(session)
    for name, said, value in (
        ("anju_gateways_online", "gateways that are there", online),
        ("anju_gateways", "gateways that are known", known),
        ("anju_outbox_waiting", "messages no channel has taken", outbox.waiting),
        ("anju_outbox_age_seconds", "age of the oldest of them", outbox.oldest_s or 0.0),
        ("anju_quarantine_waiting", "things in quarantine", repository.quarantine_waiting(session)),
        ("anju_database_bytes", "size of the database", repository.database_bytes(session)),
    ):
        yield GaugeMetricFamily(name, said, value)
    if stored is not None:
        silence = (moment - stored).total_seconds()
        yield GaugeMetricFamily(
            "anju_ingest_silence_seconds", "time since a batch was stored", silence
        )
    points = repository.points_stored(session)
    yield CounterMetricFamily("anju_points_stored", "points ever stored by this server", points)


def _silence(found: Sequence[Process]) -> Metric:
    said = "time since a process last gave a sign of life"
    family = GaugeMetricFamily("anju_process_silent_seconds", said, labels=["kind", "process"])
    for one in found:
        family.add_metric([one.kind, one.name], one.age_s)
    return family


def _own_words(found: Sequence[Process]) -> Iterator[Metric]:
    """Give what the processes count, each with its name."""
    merged: dict[str, Metric] = {}
    for process in found:
        if process.age_s > _SHOWN_S:
            continue
        for family in process.figures.families:
            metric = merged.setdefault(family.name, Metric(family.name, family.help, family.type))
            for name, labels, value in family.samples:
                metric.add_sample(name, {**labels, "process": process.name}, value)
    yield from merged.values()


def exposition(engine: Engine) -> bytes:
    """Give the metrics in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_FromDatabase(engine))
    return generate_latest(registry)
