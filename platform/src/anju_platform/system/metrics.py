"""Prometheus metrics, read from the database when they are asked for."""

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from anju_platform.alerts.model import Handling
from anju_platform.database import now, reading
from anju_platform.system import repository


class _FromDatabase(Collector):
    def __init__(self, engine: Engine, live_screens: Callable[[], int]) -> None:
        self._engine = engine
        self._live_screens = live_screens

    def collect(self) -> Iterator[Metric]:
        with reading(self._engine) as session:
            yield _alerts(session)
            yield from _flow(session)
        screens = "live screens of this web process"
        yield GaugeMetricFamily("anju_live_screens", screens, self._live_screens())


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


def exposition(engine: Engine, live_screens: Callable[[], int]) -> bytes:
    """Give the metrics in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_FromDatabase(engine, live_screens))
    return generate_latest(registry)
