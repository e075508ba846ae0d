"""``anju rule``: faults with their line and a caret, trials with their story, exit codes."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from anju_platform.cli import app

BAD = """\
- id: hot
  title: {zh: 热, en: Hot}
  icon: flame
  severity: 3
  models: [climate]
  when: m.temprature > 35
  fro: 5m
"""
GOOD = BAD.replace("temprature", "temperature").replace("fro", "for")
SAYS = "none of its models says m.temprature; did you mean 'temperature'?"
TESTS = """\
  tests:
    - name: five minutes
      given: [{t: 0, values: {temperature: 36}}, {t: 60s, restart: true}]
      expect: [{t: 5m, kind: active}]
      until: 6m
"""


def anju(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["rule", *words])
    return result.exit_code, result.output


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "hot.yaml"


def test_check_points_at_every_fault(file: Path) -> None:
    file.write_text(BAD, encoding="utf-8")
    code, out = anju("check", str(file))
    assert code == 1
    assert out.splitlines()[:6] == [
        f"{file}:6:9: rule 'hot': when: " + SAYS,
        "      when: m.temprature > 35",
        "            ^",
        f"{file}:7:3: rule 'hot': fro: unknown key 'fro'; did you mean 'for'?",
        "      fro: 5m",
        "      ^",
    ]
    assert "2 faults" in out


def test_a_caret_stands_below_its_letter_after_wide_letters_and_in_long_lines(file: Path) -> None:
    text = GOOD.replace("when: ", 'when: m.temperature != 0 || "热热" == ').replace("> 35", "")
    file.write_text(text.rstrip() + "\n" + "#" + "热" * 500 + "\u202e\n", encoding="utf-8")
    _, out = anju("check", str(file))
    line, caret = out.splitlines()[1:3]
    assert len(line) < 120
    assert "\u202e" not in out
    assert line[4:].index("?") * 2 == caret.index("^") - 4


def test_check_of_sound_files_and_folders(file: Path) -> None:
    file.write_text(GOOD, encoding="utf-8")
    assert anju("check", str(file), str(file.parent)) == (0, "2 rules, no fault\n")


@pytest.mark.parametrize("content", [b"\xff\xfe", b"", b"- [" * 9, b"\0"])
def test_what_is_no_rule_file_is_told_with_its_name(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    code, out = anju("check", str(file))
    assert code == 1
    assert out.startswith(f"{file}:1:")


def test_a_file_that_is_not_there_is_a_fault(file: Path) -> None:
    code, out = anju("check", str(file))
    assert code == 1
    assert "No such file" in out


def test_trials_that_pass_are_counted(file: Path) -> None:
    file.write_text(GOOD + TESTS, encoding="utf-8")
    for words in (["test"], ["test", "--restart"], ["test", "--rule", "hot"]):
        assert anju(*words, str(file)) == (0, f"{'hot':<32} 1 passed\n")


def test_a_trial_that_fails_tells_what_happened_when(file: Path) -> None:
    file.write_text(GOOD + TESTS.replace("t: 5m", "t: 4m"), encoding="utf-8")
    code, out = anju("test", str(file))
    assert code == 1
    assert out.splitlines()[:7] == [
        f"{'hot':<32} 0 passed, 1 failed",
        "  five minutes",
        "    expected 0:04:00 active, found 0:05:00 active P3 (time)",
        "       0:00:00  given     temperature=36",
        "       0:01:00  given     restart",
        "       0:04:00  expected  active",
        "       0:05:00  found     active P3",
    ]


def test_the_library_is_tested_and_listed_by_default() -> None:
    code, out = anju("test", "--rule", "smoke")
    assert (code, out.count("\n")) == (0, 1)
    code, out = anju("list")
    assert code == 0
    assert "P1 smoke " in out
    assert anju("test", "--rule", "nonsense")[0] != 0
