"""The report as one page that needs nothing else: styles inline, bars as SVG."""

from collections.abc import Iterator, Sequence
from html import escape
from importlib.resources import files

from anju_platform.backtest.report import AlertLine, Day, Report, Result, RuleResult
from anju_platform.backtest.words import CELLS, Words

_GRID = 4
_SLOT, _BAR, _HEIGHT = 10, 7, 100
_LABELS = 5
_OPEN = 12


def as_page(report: Report, words: Words) -> str:
    """Write the page."""
    style = (files("anju_platform.backtest") / "page.css").read_text(encoding="utf-8")
    return "\n".join(
        (
            "<!doctype html>",
            f'<html lang="{"zh-CN" if words.language == "zh" else "en"}">',
            '<head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(_name(report, words))} · {words('title')}</title>",
            f"<style>{style}</style></head>",
            f"<body><main>{''.join(_sections(report, words))}</main></body></html>\n",
        )
    )


def _name(report: Report, w: Words) -> str:
    rules = report.tested.rules
    if len(rules) == 1:
        return w.title(rules[0].title, rules[0].title_en)
    return w.rules(len(rules))


def _sections(report: Report, w: Words) -> Iterator[str]:
    yield _head(report, w)
    yield _tiles(report.tested, w)
    yield _section(w("by day"), _chart(report.tested.figures.days, w))
    if report.comparison is not None:
        yield _section(w("comparison"), _compared(report, w))
    yield _section(w("by rule"), _rules(report.tested.rules, w))
    if report.tested.figures.entities:
        yield _section(w("by entity"), _entities(report.tested, w))
    yield _section(w("data"), _data(report, w))


def _section(title: str, body: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{body}</section>"


def _head(report: Report, w: Words) -> str:
    rules = report.tested.rules
    which = f"<code>{escape(rules[0].id)}</code> v{rules[0].version}" if len(rules) == 1 else ""
    return (
        f'<header><p class="kicker">{w("title")}</p><h1>{escape(_name(report, w))} {which}</h1>'
        f"<p>{escape(report.source)}</p>"
        f"<p>{w.time(report.start)} – {w.time(report.end)} <small>{escape(report.timezone)}</small>"
        f"</p></header>"
    )


def _tiles(result: Result, w: Words) -> str:
    f, said = result.figures, result.precision
    peak = w.time(f.peak_at) if f.peak_at is not None else ""
    if said.value is not None and said.low is not None and said.high is not None:
        judged = f"({said.true}/{said.true + said.false})"
        precise, about = f"{said.value:.0%}", f"{said.low:.0%}–{said.high:.0%} {judged}"
    else:
        precise, about = "–", f"{w('unknown')} {said.unknown}"
    tiles = (
        (w("alerts"), str(f.alerts), w.per_day(f.per_day)),
        (w("rings"), str(f.rings), f"{w('occurrences')} {f.occurrences}"),
        (w("peak"), str(f.peak), peak),
        (w("median"), w.length(f.median_s), f"P90 {w.length(f.p90_s)}"),
        (w("late"), str(f.late), f"{w('lasting')} {f.lasting}"),
        (w("precision"), precise, about),
    )
    cells = "".join(
        f"<div><dt>{escape(name)}</dt><dd><strong>{escape(value)}</strong>"
        f"<small>{escape(note)}</small></dd></div>"
        for name, value, note in tiles
    )
    return f'<dl class="tiles">{cells}</dl>'


def _chart(days: Sequence[Day], w: Words) -> str:
    """Draw a bar for each day, stacked by severity, the worst at the foot.

    Bars stretch with the page; what is to be read stands beside them, at its own size.
    """
    steps = "".join(f"<span>{w.number(step)}</span>" for step in scale(days))
    counts = [sum(day.by_severity[n] for day in days) for n in range(4)]
    legend = "".join(
        f'<li class="severity-{n}"><i></i>{escape(w(str(n)))} <b>{count}</b></li>'
        for n, count in enumerate(counts, start=1)
    )
    return (
        f'<ul class="legend">{legend}</ul><div class="chart"><div class="scale">{steps}</div>'
        f"{bars(days, w)}"
        f'<div class="dates">{_dates(days)}</div></div>'
    )


def bars(days: Sequence[Day], w: Words) -> str:
    """Draw the bars alone, as one SVG that any page may hold."""
    top = scale(days)[0]
    drawn = "".join(_bar(day, number, top, w) for number, day in enumerate(days))
    lines = "".join(
        f'<line x1="0" x2="{len(days) * _SLOT}" y1="{y}" y2="{y}"/>'
        for y in (_HEIGHT * n / _GRID for n in range(_GRID + 1))
    )
    return (
        f'<svg viewBox="0 0 {len(days) * _SLOT} {_HEIGHT}" preserveAspectRatio="none" role="img"'
        f' aria-label="{escape(w("by day"))}"><g class="grid">{lines}</g>{drawn}</svg>'
    )


def scale(days: Sequence[Day]) -> list[int]:
    """Give the numbers beside the bars, from the top down to 0."""
    step = _step(max((day.total for day in days), default=0))
    return [step * n for n in range(_GRID, -1, -1)]


def named_days(days: Sequence[Day]) -> list[int]:
    """Choose the days that are named under their bars: the first, the last, some between."""
    last = len(days) - 1
    return sorted({round(last * n / (_LABELS - 1)) for n in range(_LABELS)}) if days else []


def _step(most: int) -> int:
    """Give a round number of which a few reach the top."""
    size = 1
    while True:
        for factor in (1, 2, 5):
            if size * factor * _GRID >= most:
                return size * factor
        size *= 10


def _bar(day: Day, number: int, top: int, w: Words) -> str:
    x = number * _SLOT + (_SLOT - _BAR) / 2
    parts, foot = [], float(_HEIGHT)
    for severity, count in enumerate(day.by_severity, start=1):
        if count:
            height = count / top * _HEIGHT
            foot -= height
            parts.append(
                f'<rect class="severity-{severity}" x="{x:g}" y="{foot:.2f}" width="{_BAR}"'
                f' height="{height:.2f}"/>'
            )
    split = ", ".join(f"{w(str(n))}: {c}" for n, c in enumerate(day.by_severity, 1) if c)
    said = f"{day.day}  {split or w('none')}"
    hover = f'<rect class="whole" x="{number * _SLOT}" y="0" width="{_SLOT}" height="{_HEIGHT}"/>'
    return f"<g><title>{escape(said)}</title>{hover}{''.join(parts)}</g>"


def _dates(days: Sequence[Day]) -> str:
    """Name some days under their bars."""
    return "".join(
        f'<span style="left:{(number + 0.5) / len(days):.2%}">{days[number].day[5:]}</span>'
        for number in named_days(days)
    )


def _rules(rules: Sequence[RuleResult], w: Words) -> str:
    spoke = [rule for rule in rules if rule.figures.alerts or rule.precision.missed]
    spoke.sort(key=lambda rule: -rule.figures.alerts)
    quiet = [rule.id for rule in rules if not rule.figures.alerts]
    heads = (
        "rule",
        *CELLS,
        "missed",
    )
    rows = [
        (
            (
                f'<span class="severity-{rule.severity} mark"><i></i></span>'
                f"{escape(w.title(rule.title, rule.title_en))} <code>{escape(rule.id)}</code>"
            ),
            *w.cells(rule),
            str(rule.precision.missed),
        )
        for rule in spoke
    ]
    found = _table([w(head) for head in heads], rows) if rows else f"<p>{w('none')}</p>"
    if quiet and rows:
        names = ", ".join(f"<code>{escape(one)}</code>" for one in quiet)
        found += f"<details><summary>{w('quiet')}: {len(quiet)}</summary><p>{names}</p></details>"
    return found


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table; the first cell of a row is HTML, the others text."""
    head = "".join(f"<th>{escape(one)}</th>" for one in heads)
    body = "".join(
        f"<tr><th>{row[0]}</th>"
        + "".join(
            f'<td data-label="{escape(label)}">{escape(cell)}</td>'
            for label, cell in zip(heads[1:], row[1:], strict=True)
        )
        + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _entities(result: Result, w: Words) -> str:
    entities = result.figures.entities
    most = max(one.alerts for one in entities)
    rows = "".join(
        f"<li><span>{escape(one.entity)}</span>"
        f'<span class="track"><i style="width:{one.alerts / most:.1%}"></i></span>'
        f"<b>{one.alerts}</b><small>{w('occurrences')} {one.occurrences}</small></li>"
        for one in entities
    )
    return f'<ol class="ranks">{rows}</ol>'


def _compared(report: Report, w: Words) -> str:
    found, other = report.comparison, report.against
    if found is None or other is None:
        return ""
    heads = ("rule", "alerts", "per day", "rings", "peak", "precision", "missed")
    rows = [
        (
            f"{w(label)} <code>{escape(_ids(side))}</code>",
            str(side.figures.alerts),
            w.number(side.figures.per_day),
            str(side.figures.rings),
            str(side.figures.peak),
            w.share(side.precision),
            str(side.precision.missed),
        )
        for label, side in (("tested", report.tested), ("against", other))
    ]
    counts = "".join(
        f"<div><dt>{escape(name)}</dt><dd><strong>{count}</strong></dd></div>"
        for name, count in (
            (w("both"), found.both),
            (w("appear"), found.appearing),
            (w("disappear"), found.disappearing),
        )
    )
    lists = _changes(w("appear"), found.appearing, found.appear, w)
    lists += _changes(w("disappear"), found.disappearing, found.disappear, w)
    return f'{_table([w(h) for h in heads], rows)}<dl class="tiles three">{counts}</dl>{lists}'


def _ids(side: Result) -> str:
    if len(side.rules) > 1:
        return str(len(side.rules))
    return f"{side.rules[0].id} v{side.rules[0].version}"


def _changes(label: str, number: int, lines: Sequence[AlertLine], w: Words) -> str:
    if not lines:
        return ""
    shown = " open" if len(lines) <= _OPEN else ""
    several = len({line.rule_id for line in lines}) > 1
    rows = "".join(
        f'<li class="severity-{line.severity}"><i></i><time>{w.time(line.at)}</time>'
        f"<span>{escape(f'{line.entity} {line.discriminator}'.rstrip())}</span>"
        f"{f'<code>{escape(line.rule_id)}</code>' if several else ''}</li>"
        for line in lines
    )
    more = "<li>…</li>" if number > len(lines) else ""
    return (
        f"<details{shown}><summary>{escape(label)}: {number}</summary>"
        f'<ul class="changes">{rows}{more}</ul></details>'
    )


def _data(report: Report, w: Words) -> str:
    data = report.data
    blind = " · ".join(f"{b.gateway or w('itself')} {w.length(b.seconds)}" for b in data.blind)
    facts = [
        (w("readings"), f"{w.number(data.readings)} ({w('events')} {w.number(data.events)})"),
        (w("devices"), f"{data.devices} / {data.known_devices}"),
        (w("days with data"), f"{data.days_with_data} / {data.days}"),
        (w("blind"), blind or w("no blind")),
    ]
    odd = ("assumed", "undated", "skipped")
    facts += [(w(name), w.number(n)) for name in odd if (n := getattr(data, name))]
    if report.failures:
        facts.append((w("failures"), w.failures(report)))
    cells = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in facts)
    faults = "".join(f"<li><code>{escape(fault)}</code></li>" for fault in data.faults)
    notes = "".join(f"<p>{escape(line)}</p>" for line in w.assumptions(report))
    listed = f"<ul>{faults}</ul>" if faults else ""
    return f'<dl class="facts">{cells}</dl>{listed}<div class="notes">{notes}</div>'
