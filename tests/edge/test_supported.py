from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from servers import REPOSITORY

from anju_devices import catalog
from anju_edge import supported
from anju_edge.drivers.supported import Support

DOCS = REPOSITORY / "docs"
EXTRAS = re.findall(
    r"^(\w+) = \[",
    (REPOSITORY / "edge" / "pyproject.toml").read_text("utf-8").partition("optional-")[2],
    re.MULTILINE,
)


def test_the_table_says_what_the_code_says() -> None:
    assert supported.main([str(DOCS), "--check"]) == 0


def test_a_stale_table_is_shown_with_a_diff(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert supported.main([str(tmp_path)]) == 0
    table = tmp_path / "devices" / "README.md"
    table.write_text(table.read_text("utf-8").replace("| 1 |", "| 3 |", 1), "utf-8")

    assert supported.main([str(tmp_path), "--check"]) == 1
    assert "+" in capsys.readouterr().out


@pytest.mark.parametrize("one", supported.SUPPORTED, ids=lambda one: one.driver)
def test_a_declaration_names_what_there_is(one: Support) -> None:
    assert (DOCS / "devices" / one.page).is_file()
    for model in one.models:
        catalog.model(model)
    assert one.needs_extra in {"", *EXTRAS}
    assert one.says.endswith(".")
    assert "|" not in "".join((one.title, one.speaks, *one.devices))


def test_each_driver_stands_once() -> None:
    names = [one.driver for one in supported.SUPPORTED]
    assert len(names) == len(set(names))


def test_the_table_is_made_without_any_protocol_library() -> None:
    heavy = "pymodbus", "waitress", "cv2", "osdp"
    code = f"import sys, anju_edge.supported; sys.exit(any(m in sys.modules for m in {heavy}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
