"""``anju rule backtest``: asks for a source and rules, prints and writes the report."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from anju_platform.backtest.source import Source, Span
from anju_platform.console import Console
from anju_platform.errors import InvalidRequestError, NotFoundError
from anju_rules import Rule

DAYS = 28
_NEVER = "never"


class Language(StrEnum):
    """What the report is written in."""

    ZH = "zh"
    EN = "en"


@dataclass(frozen=True, slots=True)
class _Asked:
    """Where the readings are, and which of them count; as it was typed."""

    community: str | None
    file: Path | None
    registry: Path | None
    start: str | None
    end: str | None
    warm_up: timedelta
    devices: tuple[str, ...]
    timezone: str
    skip_bad: bool


RuleNames = Annotated[
    list[str] | None,
    typer.Option(
        help="A file of rules (YAML) or the id of one in force; repeatable. All, if left out."
    ),
]
Against = Annotated[
    list[str] | None,
    typer.Option(help="Rules to set beside them, such as those in force; id or file."),
]
CommunityName = Annotated[str | None, typer.Option(help="Stored readings of this community.")]
DataFile = Annotated[
    Path | None,
    typer.Option(help="A file instead: readings (NDJSON) or a recorded home (CSV)."),
]
CommunityFile = Annotated[
    Path | None, typer.Option(help="The community file that names an NDJSON's devices.")
]
Start = Annotated[str | None, typer.Option("--from", help="A day of the site's, or an ISO time.")]
End = Annotated[str | None, typer.Option("--to", help="The same; a day counts in full.")]
WarmUp = Annotated[str, typer.Option(help="How long rules live before what they raise counts.")]
Devices = Annotated[list[str] | None, typer.Option(help="Only this device; repeatable.")]
CloseAfter = Annotated[
    str, typer.Option(help="Assumed: people close an alert so long after it cleared; never.")
]
LatchedAfter = Annotated[
    str, typer.Option(help="Assumed: and one that latches so long after it was raised; never.")
]
Zone = Annotated[str, typer.Option(help="Time zone of a CSV's times.")]
SkipBad = Annotated[
    bool, typer.Option("--skip-bad", help="Count lines that cannot be read, and go on.")
]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Write the report as JSON.")]
HtmlFile = Annotated[Path | None, typer.Option("--html", help="Write the report as a page.")]
ReportLanguage = Annotated[Language, typer.Option(help="Language of the report.")]


def backtest(  # noqa: PLR0917 - typer's shape: every option is a parameter
    rule: RuleNames = None,
    against: Against = None,
    community: CommunityName = None,
    data: DataFile = None,
    registry: CommunityFile = None,
    start: Start = None,
    end: End = None,
    warm_up: WarmUp = "1d",
    device: Devices = None,
    close_after: CloseAfter = "10m",
    latched_after: LatchedAfter = "10m",
    timezone: Zone = "Asia/Shanghai",
    skip_bad: SkipBad = False,  # noqa: FBT002 - the same
    json_out: JsonFile = None,
    html_out: HtmlFile = None,
    lang: ReportLanguage = Language.ZH,
) -> None:
    """Tell how many alerts rules would have raised on stored or recorded readings."""
    from anju_platform.backtest import testing
    from anju_platform.backtest.ledger import Closing
    from anju_platform.backtest.page import as_page
    from anju_platform.backtest.report import encode
    from anju_platform.backtest.text import as_text
    from anju_platform.backtest.words import Words

    closing = Closing(_length(close_after), _length(latched_after))
    asked = _Asked(
        community=community,
        file=data,
        registry=registry,
        start=start,
        end=end,
        warm_up=_length(warm_up) or timedelta(0),
        devices=tuple(device or ()),
        timezone=timezone,
        skip_bad=skip_bad,
    )
    with _source(asked) as source:
        tested = choose(rule or [], source.rules)
        others = choose(against, source.rules) if against else []
        report = testing.backtest(source, tested, against=others, closing=closing)
    words = Words(lang, report.timezone)
    typer.echo(as_text(report, words), nl=False)
    if json_out is not None:
        _write(json_out, encode(report))
    if html_out is not None:
        _write(html_out, as_page(report, words).encode())


def choose(named: list[str], in_force: Mapping[str, Rule]) -> list[Rule]:
    """Give the rules that files name, or ids of those in force; with none, all in force.

    Raises:
        InvalidRequestError: a file is wrong, or no rule in force has that id.
    """
    from anju_rules import InvalidRuleError, load_rules

    if not named:
        return list(in_force.values())
    found: list[Rule] = []
    for name in named:
        path = Path(name)
        try:
            if path.suffix in {".yaml", ".yml"} or path.is_file():
                found += load_rules(path)
            elif name in in_force:
                found.append(in_force[name])
            else:
                raise InvalidRequestError(f"{name!r} is neither a file nor a rule in force")
        except InvalidRuleError as error:
            raise InvalidRequestError(str(error)) from error
    return found


@contextmanager
def _source(asked: _Asked) -> Iterator[Source]:
    if (asked.community is None) == (asked.file is None):
        raise InvalidRequestError("say where the readings are: either --community or --data")
    if asked.file is not None:
        yield _recorded(asked, asked.file)
    elif asked.community is not None:
        with _stored(asked, asked.community) as source:
            yield source


def _recorded(asked: _Asked, file: Path) -> Source:
    from anju_platform.backtest import recorded

    source: recorded.RecordedHome | recorded.RecordedReadings
    if file.suffix.lower() == ".csv":
        _zone(asked.timezone)
        source = recorded.RecordedHome(
            file, zone=asked.timezone, devices=asked.devices, skip_bad=asked.skip_bad
        )
    elif asked.registry is None:
        raise InvalidRequestError(f"{file}: name its community file with --registry")
    else:
        known = recorded.read_community_file(asked.registry)
        source = recorded.RecordedReadings(
            file, known, devices=asked.devices, skip_bad=asked.skip_bad
        )
    zone = _zone(source.community.timezone)
    start = moment(asked.start, zone) if asked.start else None
    end = moment(asked.end, zone, is_end=True) if asked.end else None
    source.span = recorded.narrow(source.span, start, end, asked.warm_up)
    return source


@contextmanager
def _stored(asked: _Asked, community: str) -> Iterator[Source]:
    from anju_platform import tables  # noqa: F401 - foreign keys reach across domains
    from anju_platform.audit.service import record
    from anju_platform.backtest.stored import StoredReadings
    from anju_platform.config import Settings
    from anju_platform.database import connect, now, reading, to_millis, transaction
    from anju_platform.registry import repository

    engine = connect(Settings.load().database_url, pool_size=1)
    try:
        with transaction(engine) as session:
            known = repository.community(session, community)
            if known is None:
                raise NotFoundError(f"there is no community {community!r}")
            zone = _zone(known.timezone)
            end = moment(asked.end, zone, is_end=True) if asked.end else to_millis(now())
            day_ms = 86_400_000
            start = moment(asked.start, zone) if asked.start else end - DAYS * day_ms
            warm = start - round(asked.warm_up.total_seconds() * 1000)
            # homes' readings are looked at, if only by rules: that is written down, before
            about = {"from": start, "to": end, "devices": list(asked.devices)}
            who = Console(known.id)
            record(session, who, "rule.backtested", f"community:{community}", about)
        with reading(engine) as session:
            span = Span(warm, start, end)
            yield StoredReadings(session, community, span, devices=asked.devices)
    finally:
        engine.dispose()


def moment(text: str, zone: ZoneInfo, *, is_end: bool = False) -> int:
    """Read a day of the site's or an ISO time, in epoch ms; as an end, a day counts in full.

    Raises:
        InvalidRequestError: it is neither.
    """
    try:
        if len(text) == len("2026-05-04"):
            day = date.fromisoformat(text) + timedelta(days=is_end)
            at = datetime(day.year, day.month, day.day, tzinfo=zone)
        else:
            at = datetime.fromisoformat(text)
            at = at if at.tzinfo else at.replace(tzinfo=zone)
    except ValueError as error:
        raise InvalidRequestError(
            f"{text!r} is not a day such as 2026-05-04 or a time such as 2026-05-04T08:00"
        ) from error
    return round(at.timestamp() * 1000)


def _length(text: str) -> timedelta | None:
    from anju_rules.durations import Duration

    if text == _NEVER:
        return None
    try:
        return timedelta(milliseconds=Duration.read(float(text) if text.isdigit() else text))
    except ValueError as error:
        raise InvalidRequestError(str(error)) from error


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise InvalidRequestError(f"{name!r} is not a time zone such as Asia/Shanghai") from error


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise InvalidRequestError(f"{path}: cannot be written: {error.strerror}") from error
    typer.echo(f"{path}")
