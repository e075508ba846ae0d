from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from ingest_process import provide_community
from sqlalchemy import Engine, select

from anju_devices.messages import Committed, Lane
from anju_platform.database import reading, transaction
from anju_platform.lanes.progress import Progress, Verdict
from anju_platform.registry.model import Gateway


def test_an_epoch_begins_with_one() -> None:
    progress = Progress({})
    assert progress.judge(1, "e", Lane.EVENTS, 1) is Verdict.NEXT
    assert progress.judge(1, "e", Lane.EVENTS, 2) is Verdict.GAP


def test_lanes_epochs_and_gateways_do_not_disturb_each_other() -> None:
    progress = Progress({})
    progress.advance(1, "e", Lane.EVENTS, 1)
    assert progress.judge(1, "e", Lane.EVENTS, 1) is Verdict.OLD
    assert progress.judge(1, "e", Lane.TELEMETRY, 1) is Verdict.NEXT
    assert progress.judge(1, "f", Lane.EVENTS, 1) is Verdict.NEXT
    assert progress.judge(2, "e", Lane.EVENTS, 1) is Verdict.NEXT


@given(st.lists(st.integers(1, 30)))
def test_any_order_of_arrival_is_taken_in_once_and_in_order(numbers: list[int]) -> None:
    progress, taken = Progress({}), []
    for seq in numbers:
        if progress.judge(1, "e", Lane.EVENTS, seq) is Verdict.NEXT:
            taken.append(seq)
            progress.advance(1, "e", Lane.EVENTS, seq)
    assert taken == list(range(1, len(taken) + 1))
    assert progress.acknowledgement(1, "e").events == len(taken)


def test_what_was_saved_is_there_after_a_restart(engine: Engine, database: str) -> None:
    provide_community(database)
    with transaction(engine) as session:
        gateway = session.scalars(select(Gateway.id)).one()
        progress = Progress.load(session)
        progress.advance(gateway, "e", Lane.EVENTS, 7)
        progress.advance(gateway, "e", Lane.TELEMETRY, 1)
        progress.save(session)
        progress.advance(gateway, "e", Lane.TELEMETRY, 2)
        progress.save(session)
    with reading(engine) as session:
        again = Progress.load(session)
    assert again.acknowledgement(gateway, "e") == Committed(epoch="e", events=7, telemetry=2)
