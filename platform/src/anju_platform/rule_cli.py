"""``anju rule``: check rule files, run their tests and list them, without a database."""

import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from anju_platform.errors import InvalidRequestError
from anju_platform.explain_cli import explain_alert
from anju_rules import InvalidRuleError, Rule, Trial, load_library, load_rules, run_trials
from anju_rules.errors import Fault
from anju_rules.loading import read_text
from anju_rules.trials import missing_proofs

rules = typer.Typer(help="Rules: check, test, back-test and explain them.", no_args_is_help=True)

rules.command("explain")(explain_alert)

_SHOWN = 100
_BEFORE = 60
"""How much of a long line is shown, and how much of that before the fault."""


@rules.command("check")
def check_files(
    files: Annotated[list[Path], typer.Argument(help="Rule files, or folders of them.")],
) -> None:
    """Tell every fault of rule files, with the line it stands in."""
    count = sound = 0
    for file in _expand(files):
        try:
            found = load_rules(file)
        except InvalidRuleError as error:
            count += max(1, len(error.faults))
            typer.echo(_told(file, error))
        else:
            sound += len(found)
    if count:
        typer.secho(f"{count} {'fault' if count == 1 else 'faults'}", err=True, fg="red")
        raise typer.Exit(1)
    typer.echo(f"{sound} {'rule' if sound == 1 else 'rules'}, no fault")


@rules.command("test")
def run_tests(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Rule files; none: the built-in library.")
    ] = None,
    rule: Annotated[list[str] | None, typer.Option("--rule", help="Only this rule.")] = None,
    restart: Annotated[
        bool, typer.Option("--restart", help="Store and load all state before each step.")
    ] = False,
) -> None:
    """Run rules' own tests in virtual time; say what was expected and found where one fails."""
    failed = 0
    for one in _chosen(files, rule):
        trials = list(run_trials(one, restart=restart))
        wrong = [trial for trial in trials if trial.problem]
        failed += len(wrong)
        counts = f"{len(trials) - len(wrong)} passed" + (f", {len(wrong)} failed" if wrong else "")
        typer.secho(f"{one.id:<32} {counts}", fg="red" if wrong else None)
        for trial in wrong:
            typer.echo(_story(trial))
    if failed:
        typer.secho(f"{failed} {'test' if failed == 1 else 'tests'} failed", err=True, fg="red")
        raise typer.Exit(1)


@rules.command("list")
def list_rules(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Rule files; none: the built-in library.")
    ] = None,
) -> None:
    """List rules: severity, title, number of tests, and what no test shows yet."""
    for one in _chosen(files, None):
        lacks = ", ".join(missing_proofs(one))
        note = f"; no test shows: {lacks}" if lacks else ""
        typer.echo(f"P{one.severity} {one.id:<32} {one.title.en} ({len(one.tests)} tests{note})")


def _expand(files: Sequence[Path]) -> list[Path]:
    """Give the files, those of a folder in the order of their names."""
    found: list[Path] = []
    for file in files:
        inner = sorted(file.glob("*.yaml")) if file.is_dir() else [file]
        if not inner:
            raise InvalidRequestError(f"{file} holds no .yaml file")
        found += inner
    return found


def _chosen(files: Sequence[Path] | None, wanted: Sequence[str] | None) -> list[Rule]:
    """Give the rules of the files, or of the library; only those wanted, if any are."""
    if files:
        found: list[Rule] = []
        for file in _expand(files):
            try:
                found += load_rules(file)
            except InvalidRuleError as error:
                typer.echo(_told(file, error))
                raise typer.Exit(1) from None
    else:
        found = load_library()
    if not wanted:
        return found
    missing = set(wanted) - {one.id for one in found}
    if missing:
        raise InvalidRequestError(f"there is no rule {', '.join(sorted(missing))}")
    return [one for one in found if one.id in wanted]


def _told(file: Path, error: InvalidRuleError) -> str:
    """Give the faults of a file, each with its line and a caret below the place."""
    if not error.faults:
        return str(error)
    try:
        lines = read_text(file).removeprefix("\ufeff").splitlines()
    except InvalidRuleError:  # not text: there are no lines to show
        lines = []
    return "\n".join(_shown(file, fault, lines) for fault in error.faults)


def _shown(file: Path, fault: Fault, lines: Sequence[str]) -> str:
    head = f"{file}:{fault.line}:{fault.column}: {fault}"
    if not 1 <= fault.line <= len(lines):
        return head
    line = lines[fault.line - 1]
    begin = max(0, fault.column - 1 - _BEFORE)
    part = line[begin : begin + _SHOWN]
    # an odd letter must not reach the terminal: it could turn the line around
    clean = "".join(letter if letter.isprintable() else "?" for letter in part)
    left = sum(_width(letter) for letter in clean[: fault.column - 1 - begin])
    return f"{head}\n    {clean}\n    {' ' * left}^"


def _width(letter: str) -> int:
    """Give how many columns of a terminal a letter takes."""
    return 2 if unicodedata.east_asian_width(letter) in {"W", "F"} else 1


def _story(trial: Trial) -> str:
    """Give a failed test as a time line: given to the left, expected and found to the right."""
    lines = [f"  {trial.name}", f"    {trial.problem}"]
    lines += [f"    {at:>10}  {what:<9} {text}" for at, what, text in trial.timeline]
    return "\n".join(lines)
