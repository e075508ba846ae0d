"""The measurements' own parts: they send what they say they send, and still run."""

from __future__ import annotations

from pathlib import Path
from xml.dom import minidom

import pytest
from tests.bench import document
from tests.bench.batches import VARIANTS, Template, templates, three_values, two_values
from tests.bench.estate import Estate
from tests.bench.supply import MINUTE_MS, Backlog, Paced, Unlimited
from tests.bench.walker import Site, Walker

from anju_devices.catalog import MODELS
from anju_devices.messages import Batch, Reading, decode_batch
from anju_platform.database import connect
from anju_platform.provision import read_community, selves

DEVICES = {f"d-{n}": ("pir", "climate", "door_contact")[n % 3] for n in range(12)}


def said(batch: bytes) -> list[Reading]:
    decoded: Batch = decode_batch(batch)
    return decoded.readings


def test_a_filled_template_is_a_batch_the_catalogue_accepts() -> None:
    for template in templates("epoch", DEVICES, 4, three_values):
        batch: Batch = decode_batch(template.fill(7, sent_at=99, at=1_000))
        assert (batch.epoch, batch.seq, batch.sent_at) == ("epoch", 7, 99)
        assert [one.at for one in batch.readings] == [996, 997, 998, 999]
        for one in batch.readings:
            MODELS[DEVICES[one.device]].check(one)
        assert template.points == sum(len(one.values) for one in batch.readings)


def test_every_device_speaks_in_turn() -> None:
    spoken = [
        one.device
        for template in templates("epoch", DEVICES, 4, three_values)
        for one in said(template.fill(1, sent_at=1, at=1_000))
    ]
    assert spoken == list(DEVICES) * VARIANTS


def test_a_device_says_each_of_its_times_once() -> None:
    supply = Unlimited(templates("epoch", DEVICES, 12, three_values), seconds=1)
    times = [one.at for seq in (1, 2, 3) for one in said(supply.batch(seq)) if one.device == "d-3"]
    assert len(set(times)) == 3


def test_a_burst_has_its_readings_when_they_came() -> None:
    supply = Paced(templates("epoch", DEVICES, 4, three_values), [(10, 4), (10, 40), (10, 4)])
    assert [supply.due(s, 0) for s in (0, 10, 20, 30, 40)] == [0, 10, 110, 120, 120]
    assert not supply.is_over(29.9)
    assert supply.is_over(30)
    before, during = said(supply.batch(10))[-1].at, said(supply.batch(60))[-1].at
    assert during - before == pytest.approx(5_000, abs=2)


def test_a_backlog_is_a_reading_of_two_values_per_device_and_minute() -> None:
    climate = dict.fromkeys(DEVICES, "climate")
    supply = Backlog(templates("epoch", climate, 4, two_values), rounds=2, per_round=3)
    assert supply.due(0, 0) == 6
    first, second = ([said(supply.batch(seq)) for seq in seqs] for seqs in ((1, 2, 3), (4, 5, 6)))
    told = [
        [(one.device, len(one.values)) for batch in part for one in batch]
        for part in (first, second)
    ]
    assert told == [[(slug, 2) for slug in climate]] * 2
    assert second[0][0].at - first[0][0].at == MINUTE_MS


def test_an_estate_is_a_community_file() -> None:
    file = read_community(Estate(gateways=3, devices=60).documents()[0])
    assert len(file.devices) == 60
    assert len(file.households) == 6
    assert len(selves(file)) == 3


def test_the_walk_is_measured_on_a_real_database(database: str) -> None:
    site = Site(url=database, gateways=2, devices=40, messages=2, readings=20)
    engine = connect(database)
    with engine.connect() as connection:
        cost = Walker(site, engine, connection).take(3)
    engine.dispose()
    assert cost.points == 3 * 3 * 40
    assert 0 < cost.cpu_s < cost.wall_s


def test_the_document_is_written_between_its_marks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, chart = tmp_path / "page.md", tmp_path / "chart.svg"
    page.write_text(document.PAGE.read_text("utf-8"), "utf-8")
    monkeypatch.setattr(document, "PAGE", page)
    monkeypatch.setattr(document, "CHART", chart)
    row = {"wall_us": 9.5, "cpu_us": 7.0, "wall_ratio": 1.0, "cpu_ratio": 1.0}
    curves = {name: [{"size": 10, **row}, {"size": 100, **row}] for name in ("devices", "rules")}
    kept = {"at": "today", "growth": {"conditions": {"cores": 2}, "curves": curves}}
    (tmp_path / "1.json").write_text(document.json.dumps(kept), "utf-8")
    before = page.read_text("utf-8")
    assert document.write(tmp_path) == ["growth"]
    assert "| 100 | 9.5 | 1.0 × | 7.0 | 1.0 × |" in page.read_text("utf-8")
    assert page.read_text("utf-8").partition("<!-- growth")[0] == before.partition("<!-- growth")[0]
    drawn = minidom.parse(str(chart))  # noqa: S318 - our own
    assert drawn.documentElement.tagName == "svg"


def test_a_template_keeps_no_sign_that_filling_would_read() -> None:
    with pytest.raises(ValueError, match="%"):
        Template("100%", [("d", {"motion": True})])
