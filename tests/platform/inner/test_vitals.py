"""What a process counts of itself, and how it travels to whoever asks."""

from __future__ import annotations

import time

import msgspec
import pytest

from anju_devices.messages import Lane, Reading
from anju_platform.vitals import NETWORK, Figures, IngestVitals, Tally, WorkerVitals, quantile

INFINITE = float("inf")


def tally(
    *, batches: int = 1, readings: int = 3, seconds: float = 0.004, age_s: float = 2
) -> Tally:
    made = Tally(seconds=seconds)
    at = round((time.time() - age_s) * 1000)
    for _ in range(batches):
        made.batch(Lane.TELEMETRY, "next", [Reading(device="d", at=at)] * readings)
    return made


def values(figures: Figures) -> dict[tuple[str, ...], float]:
    """Give each sample by its name and the values of its labels."""
    return {
        (name, *labels.values()): value
        for family in figures.families
        for name, labels, value in family.samples
    }


def test_what_a_transaction_took_in_is_counted_once_it_is_committed() -> None:
    vitals = IngestVitals()
    made = tally(batches=2)
    made.batch(Lane.EVENTS, "gap", ())
    made.quarantined.update(["unknown_device", "unknown_device"])
    assert ("anju_ingest_batches_total", "events", "gap") not in values(vitals.figures())
    vitals.stored(made, points=12, messages=3)
    found = values(vitals.figures())
    assert found["anju_ingest_points_total",] == 12
    assert found["anju_ingest_readings_total", "telemetry"] == 6
    assert found["anju_ingest_batches_total", "telemetry", "next"] == 2
    assert found["anju_ingest_batches_total", "events", "gap"] == 1
    assert found["anju_ingest_quarantined_total", "unknown_device"] == 2
    assert found["anju_ingest_commit_seconds_count",] == 1
    assert found["anju_ingest_commit_seconds_bucket", "0.0025"] == 0
    assert found["anju_ingest_commit_seconds_bucket", "0.005"] == 1
    assert found["anju_ingest_delay_seconds_count", "telemetry"] == 1  # of the oldest
    assert found["anju_ingest_group_messages_sum",] == 3


def test_the_passing_of_time_alone_is_no_commit_to_be_measured() -> None:
    vitals = IngestVitals()
    vitals.stored(Tally(seconds=0.001), points=0, messages=0)
    assert values(vitals.figures())["anju_ingest_commit_seconds_count",] == 0


def test_a_timer_that_asked_for_at_once_is_not_late() -> None:
    made = Tally()
    made.due(0, 5_000)
    made.due(None, 5_000)
    made.due(6_000, 5_000)
    assert made.late_ms is None
    made.due(4_000, 5_000)
    assert made.late_ms == 1_000


def test_failures_of_rules_are_counted_on_when_the_rules_are_loaded_anew() -> None:
    vitals = IngestVitals()
    first, second = {"leak": 2}, {"leak": 3}
    for failures in (first, first, second):
        vitals.stored(Tally(failures=failures), points=0, messages=0)
    first["leak"] = 4
    assert values(vitals.figures())["anju_rule_failures_total", "leak"] == 5
    second["leak"] = 5
    vitals.stored(Tally(failures=second), points=0, messages=0)
    assert values(vitals.figures())["anju_rule_failures_total", "leak"] == 7


def test_a_gateway_that_sends_too_much_is_counted_over_terms() -> None:
    vitals = IngestVitals()
    for refused in (2, 5):
        vitals.refused({"garden/gw": refused})
    assert values(vitals.figures())["anju_ingest_refused_total", "garden/gw"] == 7


def test_what_waits_is_looked_at_when_it_is_told() -> None:
    vitals = IngestVitals()
    came = round((time.time() - 40) * 1000)
    vitals.serves((2, 1), lambda: {"urgent": (0, None), "telemetry": (7, came)})
    told = vitals.figures()
    assert told.communities == [1, 2]
    assert (told.queues["urgent"].messages, told.queues["urgent"].oldest_s) == (0, 0)
    assert told.queues["telemetry"].messages == 7
    assert told.queues["telemetry"].oldest_s > 39
    assert values(told)["anju_ingest_waiting_messages", "telemetry"] == 7


def test_it_hears_while_the_writer_comes_round_and_the_network_thread_moves() -> None:
    vitals = IngestVitals()
    vitals.serves((1,))
    assert vitals.figures().unheard_s is None  # it never could
    vitals.turned()
    assert vitals.figures().unheard_s is None  # it came round without a broker
    vitals.turned(hearing=True)
    assert vitals.figures().unheard_s == pytest.approx(0, abs=10)
    vitals.watchdog.watch(NETWORK, lambda: 7, 1000)
    for _ in range(51):
        vitals.watchdog._look()
    assert vitals.figures().unheard_s == 50
    assert vitals.turns == 2


def test_a_lost_broker_is_counted_once_however_often_it_is_tried() -> None:
    vitals = IngestVitals()
    for connected in (False, True, False, False, True):
        vitals.broker(connected=connected)
    found = values(vitals.figures())
    assert (found["anju_broker_losses_total",], found["anju_broker_connected",]) == (1, 1)


def test_a_thread_that_stands_still_is_told() -> None:
    vitals = WorkerVitals()
    vitals.watchdog.watch("other", lambda: 1, 1000)
    for looks in range(10):
        if looks == 5:
            vitals.watchdog.watch("deliverer", lambda: 1, 1000)
        vitals.watchdog._look()
    told = vitals.figures()
    assert told.still_s == 9
    assert values(told)["anju_thread_still_seconds", "deliverer"] == 4
    vitals.watchdog.rest("deliverer")
    assert ("anju_thread_still_seconds", "deliverer") not in values(vitals.figures())


def test_the_last_minute_is_the_difference_to_what_was() -> None:
    vitals = IngestVitals()
    vitals.stored(tally(seconds=20.0), points=1_000_000, messages=1)
    assert vitals.figures().recent is None  # nothing to compare with
    for _ in range(100):
        vitals.stored(tally(seconds=0.004, age_s=0.2), points=100, messages=1)
    recent = vitals.figures().recent
    assert recent is not None
    assert recent.points_per_s > 100
    assert recent.commit_p95_s is not None
    assert 0.0025 < recent.commit_p95_s <= 0.005  # the slow one before is not of this minute
    assert 0.1 < recent.delay_p95_s["telemetry"] <= 0.25
    assert "events" not in recent.delay_p95_s


def test_figures_come_back_from_json_as_they_went() -> None:
    vitals = IngestVitals()
    vitals.stored(tally(), points=3, messages=1)
    vitals.turned(hearing=True)
    told = vitals.figures()
    assert msgspec.json.decode(msgspec.json.encode(told), type=Figures) == told
    assert any(family.name == "anju_process_cpu_seconds" for family in told.families)


@pytest.mark.parametrize(
    ("share", "buckets", "expected"),
    [
        (0.5, {}, None),
        (0.5, {1.0: 0, INFINITE: 0}, None),
        (0.5, {1.0: 2, 2.0: 4, INFINITE: 4}, 1.0),
        (0.75, {1.0: 2, 2.0: 4, INFINITE: 4}, 1.5),
        (0.95, {1.0: 1, INFINITE: 10}, 1.0),
    ],
)
def test_a_quantile_of_a_histogram(
    share: float, buckets: dict[float, float], expected: float | None
) -> None:
    assert quantile(share, buckets) == expected
