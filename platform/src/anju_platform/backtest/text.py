"""The report as text for a terminal."""

import unicodedata
from collections.abc import Iterator, Sequence

from anju_platform.backtest.report import AlertLine, Report, Result
from anju_platform.backtest.words import CELLS, Words

_BAR = 40
_WIDE = {"W", "F"}


def as_text(report: Report, words: Words) -> str:
    """Write the whole report."""
    return "\n".join(_lines(report, words)) + "\n"


def _lines(report: Report, w: Words) -> Iterator[str]:
    yield f"{w('title')}: {report.source}"
    yield f"  {w.time(report.start)} – {w.time(report.end)} ({report.timezone})"
    for line in w.assumptions(report):
        yield f"  {line}"
    yield ""
    yield from _summary(report.tested, w)
    yield ""
    yield from _by_rule(report.tested, w)
    yield ""
    yield from _by_day(report.tested, w)
    yield ""
    yield from _by_entity(report.tested, w)
    if report.comparison is not None and report.against is not None:
        yield ""
        yield from _compared(report, w)
    yield ""
    yield from _data(report, w)
    if report.failures:
        yield f"  {w('failures')}: {w.failures(report)}"


def _summary(result: Result, w: Words) -> Iterator[str]:
    f, said = result.figures, result.precision
    yield f"{w('alerts')}: {f.alerts} ({w.per_day(f.per_day)})"
    counts = (f"{w(str(n))}: {count}" for n, count in enumerate(f.by_severity, start=1))
    yield f"  {w('by severity')}: {', '.join(counts)}"
    when = f" ({w.time(f.peak_at)})" if f.peak_at is not None else ""
    yield f"  {w('rings')}: {f.rings}; {w('peak')}: {f.peak}{when}"
    yield f"  {w('occurrences')}: {f.occurrences}; {w('late')}: {f.late}"
    yield (
        f"  {w('median')}: {w.length(f.median_s)}; {w('p90')}: {w.length(f.p90_s)};"
        f" {w('lasting')}: {f.lasting}"
    )
    yield f"  {w('precision')}: {w.share(said)}   ({w('of true and false')})"
    names = ("true", "false", "test", "cannot_tell", "unknown", "missed")
    yield "    " + ", ".join(f"{w(name)}: {getattr(said, name)}" for name in names)


def _by_rule(result: Result, w: Words) -> Iterator[str]:
    rows = [
        (
            f"{rule.id} v{rule.version}",
            *w.cells(rule),
        )
        for rule in result.rules
        if rule.figures.alerts or rule.precision.missed
    ]
    yield from table([w(name) for name in ("rule", *CELLS)], rows)
    quiet = [rule.id for rule in result.rules if not rule.figures.alerts]
    if quiet:
        yield f"  {w('quiet')}: {', '.join(quiet)}"


def _by_day(result: Result, w: Words) -> Iterator[str]:
    yield w("by day")
    most = max((day.total for day in result.figures.days), default=0) or 1
    for day in result.figures.days:
        bar = "#" * round(day.total / most * _BAR)
        split = " ".join(
            f"P{number}:{count}" for number, count in enumerate(day.by_severity, 1) if count
        )
        yield f"  {day.day} {day.total:>5} {bar} {split}".rstrip()


def _by_entity(result: Result, w: Words) -> Iterator[str]:
    yield w("by entity")
    rows = [(e.entity, str(e.alerts), str(e.occurrences)) for e in result.figures.entities]
    yield from table([w("entity"), w("alerts"), w("occurrences")], rows)


def _compared(report: Report, w: Words) -> Iterator[str]:
    found, other = report.comparison, report.against
    if found is None or other is None:
        return
    names = ", ".join(f"{rule.id} v{rule.version}" for rule in other.rules)
    yield f"{w('comparison')}: {names}"
    rows = [
        (w(label), str(f.alerts), w.number(f.per_day), str(f.rings), str(f.peak), w.share(said))
        for label, f, said in (
            ("tested", report.tested.figures, report.tested.precision),
            ("against", other.figures, other.precision),
        )
    ]
    heads = ("", "alerts", "per day", "rings", "peak", "precision")
    yield from table([w(head) if head else "" for head in heads], rows)
    yield f"  {w('both')}: {found.both}"
    yield from _changes(w("appear"), found.appearing, found.appear, w)
    yield from _changes(w("disappear"), found.disappearing, found.disappear, w)


def _changes(label: str, number: int, lines: Sequence[AlertLine], w: Words) -> Iterator[str]:
    yield f"  {label}: {number}"
    for line in lines:
        about = f"{line.entity} {line.discriminator}".rstrip()
        yield f"    {w.time(line.at)}  P{line.severity}  {about}  ({line.rule_id})"
    if number > len(lines):
        yield "    ..."


def _data(report: Report, w: Words) -> Iterator[str]:
    data = report.data
    yield f"{w('data')}"
    yield f"  {w('readings')}: {data.readings} ({w('events')}: {data.events})"
    yield f"  {w('devices')}: {data.devices} / {data.known_devices}"
    yield f"  {w('days with data')}: {data.days_with_data} / {data.days}"
    blind = ", ".join(f"{b.gateway or w('itself')} {w.length(b.seconds)}" for b in data.blind)
    yield f"  {w('blind')}: {blind or w('no blind')}"
    for name in ("assumed", "undated", "skipped"):
        if number := getattr(data, name):
            yield f"  {w(name)}: {number}"
    yield from (f"    {fault}" for fault in data.faults)
    rate = f"{data.readings / report.seconds:,.0f}/s" if report.seconds else "–"
    yield f"  {w('took')}: {w.length(report.seconds)} ({w('readings')}: {rate})"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Write rows under heads; the first column to the left, the others to the right."""
    widths = [max(_width(row[n]) for row in (heads, *rows)) for n in range(len(heads))]
    for row in (heads, *rows):
        cells = [_pad(cell, widths[n], left=n == 0) for n, cell in enumerate(row)]
        yield ("  " + "  ".join(cells)).rstrip()


def _width(text: str) -> int:
    """Give how many columns a terminal needs: a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(c) in _WIDE else 1 for c in text)


def _pad(text: str, width: int, *, left: bool) -> str:
    space = " " * (width - _width(text))
    return text + space if left else space + text
