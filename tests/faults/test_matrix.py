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
BRIEF = [
    pytest.param(one.ingests, one.name, id=one.name)
    for one in sorted(FAULTS.values(), key=lambda one: -one.ingests)
    if one.brief
]
"""Those who need as many ingests one after the other: they share a site."""


@pytest.fixture(scope="module")
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """A site of so many ingests."""
    with standing(SEED, ingests=request.param) as stack:
        yield stack


def test_the_matrix_has_at_least_25_faults() -> None:
    assert len(FAULTS) >= 25


@pytest.mark.parametrize(("stack", "name"), BRIEF, indirect=["stack"])
def test_every_number_and_alarm_is_accounted_for(stack: Stack, name: str) -> None:
    run = run_once(stack, FAULTS[name], seed=SEED, brief=True)
    if isinstance(run, str):
        pytest.skip(run)
    assert run.account.readings > 0
    assert run.account.alarms > 0
    assert run.account.wrong == [], logs_of(stack.folder)


_OF_DEVICE = (
    "devices d, communities c WHERE d.id = t.device_id AND c.id = d.community_id"
    " AND c.slug = :slug AND d.slug ="
)
TAMPERINGS = {
    "lost": "DELETE FROM telemetry t USING @ 'meter-1'",
    "doubled": "INSERT INTO telemetry SELECT t.* FROM telemetry t, @ 'meter-2'",
    "altered": "UPDATE telemetry t SET value = value + 0.001 FROM @ 'meter-3'",
    "disordered": "UPDATE telemetry t SET flags = flags FROM @ 'meter-4' AND t.value = 0",
    "alarms_wrong": "UPDATE alert_timeline t SET kind = 'raised' FROM communities c"
    " WHERE c.id = t.community_id AND c.slug = :slug AND t.kind = 'told'",
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


@pytest.mark.parametrize("stack", [1], indirect=True)
def test_the_ledger_finds_what_is_wrong(quiet: Scene) -> None:
    assert balance(quiet).wrong == []
    for figure, tampering in TAMPERINGS.items():
        before = getattr(balance(quiet), figure)
        with quiet.stack.engine.begin() as connection:
            connection.execute(text(tampering.replace("@", _OF_DEVICE)), {"slug": quiet.slugs[0]})
        assert getattr(balance(quiet), figure) > before
