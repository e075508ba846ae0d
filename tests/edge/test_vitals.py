from __future__ import annotations

from pathlib import Path

import pytest

from anju_edge import vitals


def test_the_processors_share_stays_a_share_when_linux_takes_waiting_time_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stat = tmp_path / "stat"
    monkeypatch.setattr(vitals, "_STAT", stat)
    stat.write_text("cpu 100 0 100 1000 500 0 0 0 0 0\n")
    box = vitals.Vitals(tmp_path)
    for line, expected in (
        ("cpu 150 0 100 1040 470 0 0 0 0 0", 83.3),
        ("cpu 250 0 100 1040 420 0 0 0 0 0", 100.0),
        ("cpu 250 0 100 1040 400 0 0 0 0 0", 0.0),
        ("cpu 240 0 100 1140 400 0 0 0 0 0", 0.0),
    ):
        stat.write_text(f"{line}\n")
        assert box.cpu_percent() == expected
