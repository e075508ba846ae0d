"""``anju rule explain``: why did this alert ring?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

import typer

from anju_platform.console import Console, administrator, community_number, database
from anju_platform.errors import InvalidRequestError
from anju_rules import Rule

if TYPE_CHECKING:
    from anju_platform.alerts.explaining import Explanation, Said, Step

_FIELDS = ("when", "clear", "at_once", "hold", "clear_for", "max_gap", "quiet_for")


def explain_alert(
    alert: Annotated[str, typer.Argument(help="The alert's id, as its page's address has it.")],
    community: Annotated[str, typer.Option("--community", help="The community's id.")],
) -> None:
    """Tell for one alert which readings made it true, step by step."""
    from anju_platform.alerts.explaining import explain
    from anju_platform.audit import service as audit
    from anju_platform.registry import repository as registry

    try:
        wanted = UUID(alert)
    except ValueError:
        raise InvalidRequestError(f"{alert!r} is no alert's id") from None
    with database() as session:
        number = community_number(session, community)
        known = registry.community(session, community)
        explanation = explain(session, administrator(number), wanted)
        about = explanation.alert
        # what was read may be of somebody's health
        audit.record(session, Console(number), "alert.explained", f"alert:{about.id}")
        if about.household_id is not None:
            said = {"household": about.household_id, "alert": str(about.id)}
            audit.record(session, Console(number), "care.read", f"alert:{about.id}", said)
        zone = ZoneInfo(known.timezone if known else "UTC")
        for line in told(explanation, zone):
            typer.echo(line)


def told(explanation: Explanation, zone: ZoneInfo) -> Iterator[str]:
    """Give an explanation as lines of text, times in the site's own."""
    alert = explanation.alert
    yield f"{alert.title} {alert.title_en} · P{alert.severity} · {alert.entity}"
    if alert.discriminator:
        yield f"  {alert.discriminator}"
    rule = explanation.rule
    yield f"rule {alert.rule_id}, version {alert.rule_version}"
    if rule is not None:
        yield from _rule(rule)
    silence = rule is not None and rule.waits_for_word
    for step in explanation.steps:
        yield ""
        yield _head(step, zone)
        if not step.because:
            yield "    by the passing of time alone"
        for said in step.because:
            # of a silence, what counts is when a word was last received
            words = "last heard of, by our clock" if silence else _words(said)
            yield f"    {_clock(said.at, zone)}  {said.device}  {words}"
        if step.kind == "raised" and step.because:
            lasted = (step.at - step.because[0].at) / 1000
            if lasted >= 1:
                yield f"    … and so it was for {lasted:g} s"


def _rule(rule: Rule) -> Iterator[str]:
    for name in _FIELDS:
        value = getattr(rule, name)
        if value:
            text = value if isinstance(value, str) else f"{value / 1000:g} s"
            yield f"  {'for' if name == 'hold' else name}: {' '.join(text.split())}"


def _head(step: Step, zone: ZoneInfo) -> str:
    late = f", told {step.late_s:g} s late" if step.late_s else ""
    return f"{_clock(step.at, zone)}  {step.kind} P{step.severity}{late}"


def _clock(at: int, zone: ZoneInfo) -> str:
    moment = datetime.fromtimestamp(at / 1000, zone)
    return moment.strftime("%Y-%m-%d %H:%M:%S.") + f"{at % 1000:03}"


def _words(said: Said) -> str:
    if not said.is_shared:
        return "(not shared by whoever lives there)"
    if not said.is_stored:
        return "(no longer stored)"
    values = " ".join(f"{name}={value}" for name, value in said.values.items())
    return " ".join(part for part in (said.event, values) if part)
