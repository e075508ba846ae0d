"""The committed JSON Schemas and catalogue."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from servers import REPOSITORY

from anju_devices import schema
from anju_devices.catalog import MODELS

COMMITTED = REPOSITORY / "devices" / "schema"


def test_the_committed_files_are_fresh() -> None:
    assert schema.stale(COMMITTED) == "", "run: python -m anju_devices.schema devices/schema"


def test_writing_then_checking_finds_nothing_stale(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert schema.main([str(tmp_path)]) == 0
    assert schema.main([str(tmp_path), "--check"]) == 0
    assert capsys.readouterr().out == ""


def test_a_stale_file_is_shown_as_a_diff_and_ends_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    schema.write(tmp_path)
    path = tmp_path / "batch.schema.json"
    path.write_text(path.read_text("utf-8").replace('"seq"', '"sequence"'), "utf-8")
    (tmp_path / "catalog.json").unlink()
    (tmp_path / "gone.schema.json").write_text("{}\n", "utf-8")
    assert schema.main([str(tmp_path), "--check"]) == 1
    shown = capsys.readouterr().out
    assert '"sequence"' in shown
    assert "catalog.json (code)" in shown
    assert "gone.schema.json (file)" in shown
    assert schema.main([str(tmp_path)]) == 0
    assert schema.stale(tmp_path) == ""


def test_another_process_makes_the_same_bytes(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-W", "error", "-m", "anju_devices.schema", str(tmp_path)],
        check=True,
        env={"PYTHONHASHSEED": "7"},
    )
    made = {path.name: path.read_text("utf-8") for path in tmp_path.iterdir()}
    assert made == schema.documents()


def test_every_message_has_a_schema_and_every_model_is_listed() -> None:
    files = schema.documents()
    assert set(files) == {
        "batch.schema.json",
        "gateway-config.schema.json",
        "reading.schema.json",
        "envelope.schema.json",
        "committed.schema.json",
        "status.schema.json",
        "command.schema.json",
        "command-result.schema.json",
        "catalog.json",
    }
    catalog = json.loads(files["catalog.json"])
    assert list(catalog) == list(MODELS)
    battery = next(f for f in catalog["pir"]["fields"] if f["name"] == "battery")
    assert battery["unit"] == "%"
    assert (battery["minimum"], battery["maximum"]) == (0, 100)
    assert json.loads(files["batch.schema.json"])["$schema"] == schema.DIALECT
