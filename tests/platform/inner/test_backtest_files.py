"""Files as a source of the back-test, its command, and what it counts."""

from __future__ import annotations

import json
import random
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from typer.testing import CliRunner
from wire_sender import community_file

from anju_platform.backtest.command import choose, moment
from anju_platform.backtest.figures import busiest, quantile
from anju_platform.backtest.hearing import Hearing, blind_ms
from anju_platform.backtest.ledger import Closing
from anju_platform.backtest.matching import wilson
from anju_platform.backtest.page import as_page
from anju_platform.backtest.recorded import (
    RecordedHome,
    RecordedReadings,
    community_of,
    narrow,
)
from anju_platform.backtest.report import Report
from anju_platform.backtest.testing import backtest
from anju_platform.backtest.text import as_text
from anju_platform.backtest.words import LANGUAGES, Words
from anju_platform.cli import app
from anju_platform.errors import InvalidRequestError, NotFoundError
from anju_rules import CompiledRule, Rule, load_library

START = 1_767_225_600_000
"""2026-01-01 08:00 in Shanghai."""
MINUTE = 60_000
HOT = {"temperature": 36}
COOL = {"temperature": 20}


def rule(name: str, **changes: Any) -> Rule:
    (found,) = (one for one in load_library() if one.id == name)
    return msgspec.structs.replace(found, **changes)


def line(device: str, minute: float, **said: Any) -> dict[str, Any]:
    return {"device": device, "at": START + round(minute * MINUTE), **said}


def ndjson(folder: Path, *lines: Any) -> Path:
    file = folder / "readings.ndjson"
    file.write_text("".join(f"{o if isinstance(o, str) else json.dumps(o)}\n" for o in lines))
    return file


def source(folder: Path, *lines: Any, **options: Any) -> RecordedReadings:
    return RecordedReadings(ndjson(folder, *lines), community_of(community_file()), **options)


def presses(*minutes: float) -> list[dict[str, Any]]:
    return [line("sos", minute, event="pressed", id=f"p{minute}") for minute in minutes]


def test_lines_may_stand_in_any_order_and_keep_both_times(tmp_path: Path) -> None:
    lines = [
        *presses(0, 30, 60),
        line("climate-0", 10, values=COOL, received_at=START + 20 * MINUTE),
        line("sos", 5, event="pressed", received_at="2026-01-01T08:45:00+08:00"),
    ]
    random.Random(1).shuffle(lines)
    known = source(tmp_path, *lines)
    assert [(one.at - START, one.received_at - START) for one in known.readings()] == [
        (0, 0),
        (10 * MINUTE, 20 * MINUTE),
        (30 * MINUTE, 30 * MINUTE),
        (5 * MINUTE, 45 * MINUTE),
        (60 * MINUTE, 60 * MINUTE),
    ]
    assert known.tally.assumed == 3


@pytest.mark.parametrize(
    ("bad", "fault"),
    [
        ("{nonsense", "malformed"),
        (json.dumps({"device": "sos"}), "missing required field `at`"),
        (json.dumps(line("sos", 1, event="pressed", colour="red")), "unknown field `colour`"),
        (json.dumps(line("sos", 1, event="danced")), "has no event 'danced'"),
        (json.dumps(line("climate-0", 1, values={"temperature": 900})), "over 85"),
        (json.dumps(line("nobody", 1, event="pressed")), "no device 'nobody'"),
        (json.dumps({**presses(1)[0], "at": "yesterday"}), "'yesterday' is not a time"),
        (json.dumps({**presses(1)[0], "at": "2026-01-01T08:00"}), "needs an offset"),
    ],
)
def test_a_bad_line_is_named_and_skipped_only_when_asked(
    tmp_path: Path, bad: str, fault: str
) -> None:
    lines = (presses(0)[0], bad, presses(2)[0])
    with pytest.raises(InvalidRequestError, match=r"readings\.ndjson:2: ") as caught:
        source(tmp_path, *lines)
    assert fault in str(caught.value)
    known = source(tmp_path, *lines, skip_bad=True)
    assert len(list(known.readings())) == 2
    report = backtest(known, [rule("sos-pressed")])
    assert report.data.skipped == 1
    assert fault in report.data.faults[0]


def test_a_file_without_a_reading_or_a_stranger_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match="no reading"):
        source(tmp_path)
    with pytest.raises(InvalidRequestError, match="cannot be read"):
        RecordedReadings(tmp_path / "none.ndjson", community_of(community_file()))
    with pytest.raises(NotFoundError, match="nobody"):
        source(tmp_path, *presses(0), devices=("nobody",))


def test_a_community_file_that_names_what_is_not_in_it_is_refused() -> None:
    document = community_file()
    document["devices"][0]["household"] = "b9-909"
    with pytest.raises(InvalidRequestError, match="b9-909"):
        community_of(document)


def test_a_device_that_says_nothing_in_a_file_is_not_silent(tmp_path: Path) -> None:
    known = source(tmp_path, *presses(0, 24 * 60))
    report = backtest(known, load_library())
    (silent,) = [one for one in report.tested.rules if one.id == "device-silent"]
    assert {one.entity for one in silent.figures.entities} == {"sos"}


def test_alerts_are_one_while_open_and_reopened_soon_after_closing(tmp_path: Path) -> None:
    """Closed ten minutes after the press: 12 reopens it, 40 is a new one, 43 is still open."""
    known = source(tmp_path, *presses(0, 12, 40, 43), line("climate-0", 60, values=COOL))
    (found,) = backtest(known, [rule("sos-pressed")]).tested.rules
    assert (found.figures.alerts, found.figures.occurrences) == (2, 4)
    never = Closing(None, None)
    (found,) = backtest(known, [rule("sos-pressed")], closing=never).tested.rules
    assert (found.figures.alerts, found.figures.occurrences) == (1, 4)


def test_figures_count_days_of_the_site_and_durations(tmp_path: Path) -> None:
    heat = [line("climate-0", minute, values=HOT) for minute in range(0, 41, 10)]
    known = source(
        tmp_path,
        *heat,
        line("climate-0", 50, values=COOL),
        *presses(16 * 60 - 1, 16 * 60 + 1),  # about midnight in Shanghai
    )
    hot = rule("home-too-hot", hold=0, clear_for=0, when="m.temperature > 35")
    report = backtest(known, [hot, rule("sos-pressed")])
    figures = report.tested.figures
    assert [(day.day, day.by_severity) for day in figures.days] == [
        ("2026-01-01", (1, 0, 1, 0)),
        ("2026-01-02", (0, 0, 0, 0)),
    ]
    by_id = {one.id: one.figures for one in report.tested.rules}
    assert (by_id["home-too-hot"].median_s, by_id["home-too-hot"].lasting) == (3_000, 0)
    assert (by_id["sos-pressed"].median_s, by_id["sos-pressed"].lasting) == (None, 1)
    assert (report.data.days, report.data.days_with_data) == (2, 2)
    assert figures.entities[0].alerts == 1


def test_a_new_version_is_set_beside_the_old(tmp_path: Path) -> None:
    heats = [(0, 36), (30, 20), (100, 41), (130, 20), (200, 36.5), (230, 20), (300, 33), (330, 20)]
    lines = [line("climate-0", at, values={"temperature": t}) for at, t in heats]
    old = rule("home-too-hot", hold=0, clear_for=0, when="m.temperature > 35")
    new = msgspec.structs.replace(old, version=2, when="m.temperature > 40 || m.temperature == 33")
    report = backtest(source(tmp_path, *lines), [new], against=[old])
    found = report.comparison
    assert found is not None
    assert (found.both, found.appearing, found.disappearing) == (1, 1, 2)
    assert [one.at - START for one in found.appear] == [300 * MINUTE]
    assert [one.at - START for one in found.disappear] == [0, 200 * MINUTE]
    assert report.against is not None
    assert report.against.figures.alerts == 3


def test_rules_that_make_no_sense_together_are_refused(tmp_path: Path) -> None:
    known = source(tmp_path, *presses(0))
    with pytest.raises(InvalidRequestError, match="no rule"):
        backtest(known, [])
    with pytest.raises(InvalidRequestError, match="given twice: smoke"):
        backtest(known, [rule("smoke"), rule("smoke")])


def test_a_rule_that_fails_is_counted_and_stops_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    step = CompiledRule.step

    def fail(self: CompiledRule, *about: Any) -> Any:
        if self.rule.id == "smoke":
            raise ZeroDivisionError
        return step(self, *about)

    monkeypatch.setattr(CompiledRule, "step", fail)
    smokes = [line("smoke", minute, event="alarm", id=f"s{minute}") for minute in range(3)]
    known = source(tmp_path, *presses(0), *smokes)
    report = backtest(known, [rule("smoke"), rule("sos-pressed")])
    assert [(one.rule_id, one.times) for one in report.failures] == [("smoke", 3)]
    assert report.tested.figures.alerts == 1
    assert "smoke (3)" in as_text(report, Words("en", report.timezone))
    assert len(caplog.records) == 2  # the first and the second; then the fourth, the eighth


def test_only_a_part_of_a_file_may_count(tmp_path: Path) -> None:
    known = source(tmp_path, *presses(0, 60, 120, 180))
    known.span = narrow(known.span, START + 90 * MINUTE, START + 150 * MINUTE, timedelta(hours=1))
    report = backtest(known, [rule("sos-pressed")])
    assert (report.tested.figures.alerts, report.data.readings) == (1, 1)
    assert report.warm_up_s == 3_600


# -- a recorded home ---------------------------------------------------------------------


@pytest.mark.recordings
def test_every_row_of_a_recorded_home_is_lived(recordings: Path) -> None:
    home = RecordedHome(recordings / "home" / "house-a-sensors.csv", zone="Europe/Amsterdam")
    report = backtest(home, load_library())
    assert (report.data.readings, report.data.events) == (2 * 1229, 1229)
    assert report.data.devices == report.data.known_devices == 14
    assert report.data.days == 28
    # nobody is taken to lie there while they are out: the recording says openings alone
    assert {one.id for one in report.tested.rules if one.figures.alerts} == {"device-silent"}


def test_a_bad_row_of_a_recording_is_named_and_skipped_only_when_asked(tmp_path: Path) -> None:
    file = tmp_path / "flat.csv"
    rows = "2024-01-01 08:00:00,2024-01-01 08:00:05,Fridge"
    file.write_text(f"start,end,sensor\n{rows}\nnever,never,Fridge\n")
    with pytest.raises(InvalidRequestError, match=r"flat\.csv:3: not a row"):
        RecordedHome(file)
    home = RecordedHome(file, skip_bad=True)
    assert (home.tally.skipped, len(list(home.readings()))) == (1, 2)


# -- small parts -------------------------------------------------------------------------


def test_quantiles_are_values_that_were_there() -> None:
    assert quantile([], 0.5) is None
    assert (quantile([1, 2, 3, 4], 0.5), quantile([1, 2, 3, 4], 0.9)) == (2, 4)
    assert quantile(list(range(1, 11)), 0.9) == 9


def test_the_busiest_ten_minutes_are_found_wherever_they_begin() -> None:
    assert busiest([]) == (0, None)
    assert busiest([0, 9, 10, 19, 21], width=10) == (2, 0)
    assert busiest([0, 15, 16, 17, 26], width=10) == (3, 15)


def test_the_interval_is_wilsons() -> None:
    assert wilson(0, 0) == (None, None)
    assert wilson(0, 10) == (0.0, 0.2775)
    assert wilson(8, 10) == (0.4902, 0.9433)


def test_hearing_is_what_it_was_at_the_moment() -> None:
    hearing = Hearing([1, 2], {1: [(100, 200), (150, 300)], None: [(400, 500)], 2: [(450, None)]})
    seen = []
    for now in (0, 100, 199, 299, 300, 400, 500):
        hearing.advance(now)
        seen.append((hearing.can_hear(1), hearing.is_online(2), hearing.blind_ms(1, 0, now)))
    assert seen == [
        (True, True, 0),
        (False, True, 0),
        (False, True, 99),
        (False, True, 199),
        (True, True, 200),
        (False, True, 200),
        (True, False, 300),
    ]
    assert blind_ms([(0, 10), (5, 20), (90, None)], 2, 100) == 28


def test_days_and_times_of_the_site_are_read() -> None:
    zone = ZoneInfo("Asia/Shanghai")
    assert moment("2026-01-01T08:00", zone) == moment("2026-01-01T00:00Z", zone) == START
    assert moment("2026-01-01", zone) == START - 8 * 60 * MINUTE
    assert moment("2026-01-01", zone, is_end=True) == START + 16 * 60 * MINUTE
    with pytest.raises(InvalidRequestError, match="is not a day"):
        moment("tomorrow", zone)


def test_rules_are_named_by_id_or_file(tmp_path: Path) -> None:
    library = {rule.id: rule for rule in load_library()}
    assert choose([], library) == load_library()
    assert [one.id for one in choose(["smoke", "fall"], library)] == ["smoke", "fall"]
    file = tmp_path / "bad.yaml"
    file.write_text("id: x\nwhen: 'm.y > '\n")
    with pytest.raises(InvalidRequestError, match=r"bad\.yaml"):
        choose([str(file)], library)
    with pytest.raises(InvalidRequestError, match="neither a file nor a rule"):
        choose(["no-such-rule"], library)


@pytest.fixture
def report(tmp_path: Path) -> Report:
    evil = json.dumps({"device": "sos", "at": "<script>alert(1)</script>", "event": "pressed"})
    known = source(tmp_path, *presses(0, 60), evil, skip_bad=True)
    return backtest(known, load_library(), against=[rule("smoke")])


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_needs_nothing_else_and_escapes_what_it_is_told(
    report: Report, language: str
) -> None:
    page = as_page(report, Words(language, report.timezone))
    assert "http" not in page
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "<svg" in page
    assert as_text(report, Words(language, report.timezone))


def test_the_command_writes_text_json_and_a_page(tmp_path: Path) -> None:
    registry = tmp_path / "community.json"
    registry.write_text(json.dumps(community_file()))
    data = ndjson(tmp_path, *presses(0, 60))
    out, page = tmp_path / "report.json", tmp_path / "report.html"
    asked = ["--data", str(data), "--registry", str(registry), "--rule", "sos-pressed"]
    written = ["--json", str(out), "--html", str(page), "--lang", "en"]
    done = CliRunner().invoke(app, ["rule", "backtest", *asked, *written])
    assert done.exit_code == 0, done.output
    assert "Alerts: 2" in done.output
    assert json.loads(out.read_text())["tested"]["figures"]["alerts"] == 2
    assert "Rule back-test" in page.read_text()


@pytest.mark.parametrize(
    ("asked", "fault"),
    [
        ([], "either --community or --data"),
        (["--data", "x.ndjson", "--community", "y"], "either --community or --data"),
        (["--data", "x.ndjson"], "--registry"),
        (["--data", "x.csv", "--timezone", "Mars/Olympus"], "is not a time zone"),
        (["--data", "x.csv", "--close-after", "soon"], "is not a duration"),
        (["--data", "x.csv"], "x.csv: cannot be read"),
    ],
)
def test_what_makes_no_sense_is_said(asked: list[str], fault: str) -> None:
    done = CliRunner().invoke(app, ["rule", "backtest", *asked])
    assert isinstance(done.exception, InvalidRequestError)
    assert fault in str(done.exception)
