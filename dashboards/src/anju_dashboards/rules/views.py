"""The list of rules, one rule, its editor, and what puts it in force."""

from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Query
from starlette.responses import Response

from anju_dashboards.pages import CurrentPage, Page, see_other
from anju_dashboards.refusals import refusal_text
from anju_dashboards.words import N_
from anju_platform.auth.dependencies import require
from anju_platform.auth.rights import Right
from anju_platform.backtest.jobs import service as backtests
from anju_platform.backtest.jobs.endpoints import start
from anju_platform.backtest.jobs.schemas import MOST_DAYS, USUAL_DAYS, BacktestRequest
from anju_platform.backtest.jobs.service import AnotherRunsError
from anju_platform.database import reading, transaction
from anju_platform.errors import InvalidRequestError, NotFoundError, PlatformError
from anju_platform.reports.repository import judged
from anju_platform.rulebook import overview, service
from anju_platform.rulebook.proof import prove
from anju_platform.rulebook.schemas import CheckResult, RuleDetail, RuleDiff, RuleRow, TextFault
from anju_platform.rulebook.service import RuleChangedError, TrialsFailedError
from anju_platform.rulebook.texts import MOST_BYTES, read_version
from anju_rules import InvalidRuleError
from anju_rules.guide import describe

router = APIRouter(include_in_schema=False, dependencies=[require(Right.SEE_RULES)])
_KEEP = [require(Right.KEEP_RULES)]

PRECISION_OF = timedelta(days=30)
DAYS = (1, 7, USUAL_DAYS, MOST_DAYS)
_EXCERPT = 120

_EXAMPLE = """\
id: my-rule
title: {zh: 房间过热, en: Too hot a room}
icon: temperature
severity: 3
models: [climate]
when: m.temperature > params.most
params: {most: 35}
for: 10m
notify: [property]
tests:
  - name: hot for ten minutes
    given:
      - {t: 0, values: {temperature: 36}}
      - {t: 10m, values: {temperature: 36}}
    expect: [{t: 10m, kind: active, severity: 3}]
  - name: not quite hot
    given: [{t: 0, values: {temperature: 35}}]
    expect: []
    until: 1h
"""

RuleText = Annotated[str, Form(max_length=2 * MOST_BYTES)]
Note = Annotated[str, Form(max_length=2000)]
Reason = Annotated[str, Form(max_length=2000)]


@dataclass(frozen=True, slots=True)
class Draft:
    """What is in the editor; ``version`` is the one it began as, if it is of one."""

    text: str
    version: int | None = None
    note: str = ""
    days: int = USUAL_DAYS


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong in a text, with the line it stands in, as far as one is known."""

    message: str
    line: int | None
    excerpt: str
    pointer: str


@router.get("/rules")
def rules(
    page: CurrentPage,
    text: Annotated[str, Query(max_length=100)] = "",
    force: Literal["", "on", "off", "changed"] = "",
) -> Response:
    """Show every rule, the gravest first: what of it is in force, and how often it was right."""
    with reading(page.engine) as session:
        known = overview.rows(session, page.community.id)
        figures = judged(session, page.community.id, page.clock.now - PRECISION_OF)
    shown = [row for row in known if _matches(row, text.strip().lower(), force)]
    return page.html(
        "rules/rules.html",
        section="/rules",
        rules=sorted(shown, key=lambda row: (row.severity or 9, row.id)),
        total=len(known),
        off=sum(not row.active for row in known),
        figures=figures,
        query={"text": text, "force": force},
    )


def _matches(row: RuleRow, text: str, force: str) -> bool:
    is_such = {"on": row.active, "off": not row.active, "changed": row.activation > 0}
    if not is_such.get(force, True):
        return False
    return not text or any(text in words.lower() for words in (row.id, row.title, row.title_en))


@router.get("/new-rule", dependencies=_KEEP)
def new_rule(page: CurrentPage) -> Response:
    """Open the editor on an example."""
    return _draw_new(page, Draft(_EXAMPLE))


@router.post("/new-rule", dependencies=_KEEP)
def make_rule(
    page: CurrentPage,
    text: RuleText,
    act: Annotated[Literal["check", "save"], Form()],
    note: Note = "",
) -> Response:
    """Check a new rule, or make it."""
    draft = Draft(_with_unix_ends(text), note=note)
    if act == "check":
        return _draw_new(page, draft, checked=overview.check(draft.text))
    try:
        with transaction(page.engine) as session:
            rule_id = service.create(session, page.actor, text=draft.text, note=note)
    except InvalidRequestError as error:
        faulty = overview.check(draft.text)
        return _draw_new(
            page, draft, checked=faulty, fault=refusal_text(page.language, error), status=422
        )
    except RuleChangedError as error:
        return _draw_new(page, draft, fault=_said(page, error), status=409)
    return see_other(f"/rules/{rule_id}")


def _draw_new(
    page: Page,
    draft: Draft,
    *,
    checked: CheckResult | None = None,
    fault: str | None = None,
    status: int = 200,
) -> Response:
    return page.html(
        "rules/new.html",
        status=status,
        section="/rules",
        draft=draft,
        checked=checked,
        faults=_faults(draft.text, checked),
        fault=fault,
    )


@router.get("/rules/{rule_id}")
def rule(
    page: CurrentPage,
    rule_id: str,
    version: Annotated[int | None, Query(ge=1)] = None,
    old: Annotated[int | None, Query(ge=1)] = None,
) -> Response:
    """Show one rule; ``version`` picks whose text is in the editor, ``old`` what to compare."""
    return _draw(page, rule_id, shown=version, old=old)


@router.post("/rules/{rule_id}", dependencies=_KEEP)
def edit(
    page: CurrentPage,
    rule_id: str,
    *,
    text: RuleText,
    act: Annotated[Literal["check", "save", "backtest"], Form()],
    based_on: Annotated[int, Form(ge=1)],
    version: Annotated[int | None, Form(ge=1)] = None,
    note: Note = "",
    days: Annotated[int, Form(ge=1, le=MOST_DAYS)] = USUAL_DAYS,
) -> Response:
    """Check what is in the editor, save it as a new version, or try it on the past."""
    draft = Draft(_with_unix_ends(text), version, note, days)
    if act == "check":
        return _draw(page, rule_id, draft=draft, checked=overview.check(draft.text))
    try:
        if act == "backtest":
            wanted = BacktestRequest(text=draft.text, version=version, days=days)
            return see_other(f"/backtests/{start(page.request, page.actor, rule_id, wanted)}")
        with transaction(page.engine) as session:
            service.save(
                session, page.actor, rule_id, text=draft.text, note=note, based_on=based_on
            )
    except InvalidRequestError as error:
        checked = overview.check(draft.text)
        # what is wrong with the text is said by the check, line by line
        fault = None if checked.faults else refusal_text(page.language, error)
        return _draw(page, rule_id, draft=draft, checked=checked, fault=fault, status=422)
    except (RuleChangedError, AnotherRunsError) as error:
        return _draw(page, rule_id, draft=draft, fault=_said(page, error), status=409)
    return see_other(f"/rules/{rule_id}?version={based_on + 1}&old={based_on}")


@router.post("/rules/{rule_id}/activate", dependencies=_KEEP)
def activate(
    page: CurrentPage,
    rule_id: str,
    version: Annotated[int, Form(ge=0)],
    seen: Annotated[int, Form(ge=0)],
    reason: Reason = "",
) -> Response:
    """Put a version in force (0: the library's), once its own tests pass."""
    wanted = version or None
    try:
        with reading(page.engine) as session:
            text = service.text_to_prove(session, page.actor, rule_id, wanted)
        service.demand_proof(prove(text))  # it may take seconds: no session waits for it
        with transaction(page.engine) as session:
            service.activate(session, page.actor, rule_id, version=wanted, reason=reason, seen=seen)
    except (InvalidRequestError, RuleChangedError) as error:
        return _refused(page, rule_id, error)
    return see_other(f"/rules/{rule_id}")


@router.post("/rules/{rule_id}/withdraw", dependencies=_KEEP)
def withdraw(
    page: CurrentPage,
    rule_id: str,
    seen: Annotated[int, Form(ge=0)],
    reason: Reason = "",
) -> Response:
    """Switch a rule off; its open alerts become unknown."""
    try:
        with transaction(page.engine) as session:
            service.deactivate(session, page.actor, rule_id, reason=reason, seen=seen)
    except (InvalidRequestError, RuleChangedError) as error:
        return _refused(page, rule_id, error)
    return see_other(f"/rules/{rule_id}")


def _refused(page: Page, rule_id: str, error: PlatformError) -> Response:
    return _draw(page, rule_id, fault=_said(page, error), status=int(error.status))


def _said(page: Page, error: PlatformError) -> str:
    """Say in the reader's words what kind of refusal it is, and then what exactly."""
    kinds: dict[type[PlatformError], str] = {
        RuleChangedError: N_("Somebody was faster; below it stands as it is now."),
        TrialsFailedError: N_("Its own tests do not pass, so it was not put in force."),
        AnotherRunsError: N_("One back-test at a time: another one is running."),
    }
    kind = kinds.get(type(error))
    said = refusal_text(page.language, error)
    return page.text("%(kind)s (%(what)s)", kind=page.text(kind), what=said) if kind else said


def _with_unix_ends(text: str) -> str:
    """Undo what a browser's form does to the ends of lines."""
    return text.replace("\r\n", "\n")


def _faults(text: str, checked: CheckResult | None) -> list[Fault]:
    lines = text.splitlines()
    return [_fault(fault, lines) for fault in checked.faults] if checked else []


def _fault(fault: TextFault, lines: list[str]) -> Fault:
    if fault.line is None or not 1 <= fault.line <= len(lines):
        return Fault(fault.message, fault.line, "", "")
    column = max(1, fault.column or 1)
    return Fault(
        fault.message,
        fault.line,
        lines[fault.line - 1][:_EXCERPT],
        " " * (column - 1) + "^" if column <= _EXCERPT else "",
    )


def _draw(
    page: Page,
    rule_id: str,
    *,
    shown: int | None = None,
    old: int | None = None,
    draft: Draft | None = None,
    checked: CheckResult | None = None,
    fault: str | None = None,
    status: int = 200,
) -> Response:
    with reading(page.engine) as session:
        detail = overview.detail(session, page.community.id, rule_id)
        if draft is None:
            chosen = shown or _shown_version(detail)
            text = overview.text_of(session, page.community.id, rule_id, chosen).text
            draft = Draft(text, chosen)
        difference = None
        if old is not None and draft.version is not None:
            try:
                difference = overview.diff(
                    session, page.community.id, rule_id, old=old, new=draft.version
                )
            except InvalidRequestError as error:
                fault, status = refusal_text(page.language, error), HTTPStatus.UNPROCESSABLE_ENTITY
        jobs = backtests.newest(session, page.actor, rule_id)
        figures = judged(session, page.community.id, page.clock.now - PRECISION_OF).get(rule_id)
    return page.html(
        "rules/rule.html",
        status=status,
        section="/rules",
        detail=detail,
        rule=detail.rule,
        draft=draft,
        described=_described(page, rule_id, draft),
        checked=checked,
        faults=_faults(draft.text, checked),
        difference=difference,
        lines=_lines(difference),
        jobs=jobs,
        days=DAYS,
        figures=figures,
        fault=fault,
    )


def _shown_version(detail: RuleDetail) -> int:
    """Give the version of what ``detail`` shows: what is in force, else the newest."""
    if detail.rule.version is not None:
        return detail.rule.version
    if not detail.versions:
        raise NotFoundError("the rule {rule!r} has no version", rule=detail.rule.id)
    return detail.versions[0].version


def _described(page: Page, rule_id: str, draft: Draft) -> list[tuple[str, str]]:
    """Say in plain words what the text in the editor does; nothing of what cannot be read."""
    read = read_version(draft.text, rule_id, draft.version or 1)
    if isinstance(read, InvalidRuleError):
        return []
    code = page.language.code
    said = [("", getattr(read.says, code))] if read.says is not None else []
    return said + describe(read, code)


def _lines(difference: RuleDiff | None) -> list[tuple[str, str]]:
    """Give the lines of a unified diff, each with what became of it."""
    if difference is None:
        return []
    kinds = {"+": "added", "-": "removed", "@": "place"}
    # its first two lines name the versions, as the heading does
    return [(kinds.get(line[:1], "same"), line) for line in difference.text.splitlines()[2:]]
