"""The short version of the fault matrix, and proof that its ledger finds what is wrong.

The long one, with every fault and five runs of each: ``python -m tests.faults``.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from faults.faults import FAULTS
from faults.ledger import balance
from faults.matrix import run_once, standing
from faults.scene import Scene, logs_of
from faults.stack import Stack, wait_until

SEED = 1
BRIEF = [one.name for one in FAULTS.values() if one.brief]


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with standing(SEED, ingests=1) as stack:
        yield stack


def test_the_matrix_has_at_least_25_faults() -> None:
    assert len(FAULTS) >= 25


@pytest.mark.parametrize("name", BRIEF)
def test_every_number_and_alarm_is_accounted_for(stack: Stack, name: str) -> None:
    run = run_once(stack, FAULTS[name], seed=SEED, brief=True)
    if isinstance(run, str):
        pytest.skip(run)
    assert run.account.readings > 0
    assert run.account.alarms > 0
    assert run.account.wrong == [], logs_of(stack.folder)


_OF = (
    " devices d, communities c WHERE d.id = t.device_id AND c.id = d.community_id"
    " AND c.slug = :slug AND d.slug = "
)
_LOSE = "DELETE FROM telemetry t USING" + _OF + "'meter-1'"
_DOUBLE = "INSERT INTO telemetry SELECT t.* FROM telemetry t," + _OF + "'meter-2'"
_ALTER = "UPDATE telemetry t SET value = value + 0.001 FROM" + _OF + "'meter-3'"
_DISORDER = "UPDATE telemetry t SET flags = flags FROM" + _OF + "'meter-4' AND t.value = 0"
_TELL_AGAIN = (
    "INSERT INTO alert_timeline (alert_id, community_id, at, kind, data)"
    " SELECT t.alert_id, t.community_id, t.at, t.kind, t.data FROM alert_timeline t, communities c"
    " WHERE c.id = t.community_id AND c.slug = :slug AND t.kind = 'told'"
)
TAMPERINGS = {
    "lost": _LOSE,
    "doubled": _DOUBLE,
    "altered": _ALTER,
    "disordered": _DISORDER,
    "alarms_wrong": _TELL_AGAIN,
}
"""What is done to the stored rows, by the figure of the account that must show it."""


@pytest.fixture(scope="module")
def quiet(stack: Stack) -> Iterator[Scene]:
    """A scene in which nothing broke."""
    scene = Scene.build(stack, "quiet", rng=random.Random(SEED), brief=True)
    try:
        scene.pause(1.0, 1.0)
        for gateway in scene.gateways:
            gateway.injector.hush()
        wait_until(lambda: not balance(scene).wrong, "everything stored and told")
        yield scene
    finally:
        scene.stop()


def test_the_ledger_finds_what_is_wrong(quiet: Scene) -> None:
    assert balance(quiet).wrong == []
    for figure, tampering in TAMPERINGS.items():
        assert getattr(balance(quiet), figure) == 0
        with quiet.stack.engine.begin() as connection:
            connection.execute(text(tampering), {"slug": quiet.slugs[0]})
        assert getattr(balance(quiet), figure) > 0
