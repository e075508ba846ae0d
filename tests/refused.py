"""What pages may refuse, read from the code: the patterns that need a Chinese text."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from inspect import signature
from pathlib import Path
from string import Formatter

import anju_dashboards.app
import anju_platform
from anju_platform.alerts.acting import AlertChangedError
from anju_platform.errors import PlatformError
from anju_platform.importing.sheet import SheetError

_PARTS = {
    name: Path(package.__file__).parent
    for name, package in (("anju_dashboards", anju_dashboards), ("anju_platform", anju_platform))
    if package.__file__
}
_OWN_WORDS = (AlertChangedError, SheetError)
"""Of these pages know more than the text, and say it by themselves."""
_SAME_FOR_ALL = (401, 403, 500, 503)
"""Who may not, and what is broken here: pages say one thing of all of these."""


_REASONS = {"NotTakenError", "NoAnswerError", "GoneError"}
_VALUE = "..."


@dataclass(frozen=True)
class Refusal:
    """A refusal as the code has it: where, the words it is made of, and the values it names."""

    where: str
    patterns: tuple[str, ...]
    values: frozenset[str]

    def gaps(self) -> set[str]:
        """Give the names in its patterns that have no value, if only because all are missing."""
        parsed = (part for one in self.patterns for part in Formatter().parse(one))
        return {name for _, name, _, _ in parsed if name is not None} - self.values


@cache
def refusals() -> list[Refusal]:
    """Give every refusal of pages, and of the modules that they import, directly or not.

    Raises:
        AssertionError: the text of one cannot be read: it is an f-string, or made elsewhere.
    """
    return [
        found
        for name, path in sorted(modules().items())
        for found in _of(name, ast.parse(path.read_text("utf-8")))
    ]


def reasons() -> list[str]:
    """Give why a service outside took nothing, as patterns (``re``) without what is in brackets."""
    return [
        re.escape(said.partition(" (")[0]).replace(re.escape(_VALUE), ".*")
        for path in sorted((_PARTS["anju_platform"] / "notifications" / "outside").rglob("*.py"))
        for call in _calls(ast.parse(path.read_text("utf-8")), _REASONS)
        if (said := _in_full(call.args[0])) and not said.startswith(_VALUE)
    ]


def _in_full(text: ast.expr) -> str:
    """Give a text with its values left open; nothing for what is made elsewhere."""
    match text:
        case ast.Constant(value=str() as said):
            return said
        case ast.JoinedStr(values=parts):
            return "".join(_in_full(part) or _VALUE for part in parts)
        case _:
            return ""


def modules() -> dict[str, Path]:
    """Give all modules that pages import, by name."""
    known = {_name(part, path): path for part in _PARTS for path in _PARTS[part].rglob("*.py")}
    wanted = {name for name in known if name.startswith("anju_dashboards")}
    found: dict[str, Path] = {}
    while wanted:
        name = wanted.pop()
        found[name] = known[name]
        tree = ast.parse(known[name].read_text("utf-8"))
        wanted |= (set(_imported(tree)) & known.keys()) - found.keys()
    return found


def _name(part: str, path: Path) -> str:
    steps = [part, *path.relative_to(_PARTS[part]).with_suffix("").parts]
    return ".".join(steps[:-1] if steps[-1] == "__init__" else steps)


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{each.name}" for each in node.names)


def _of(module: str, tree: ast.Module) -> Iterator[Refusal]:
    kinds = {kind.__name__ for kind in _below(PlatformError) if _is_said(kind)}
    if module.startswith("anju_platform."):
        kinds.add("Phrase")  # those of pages are marked as all their words are
    if module.endswith(".schemas"):
        kinds.add("ValueError")  # what a form's field is checked for
    constants = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    parameters = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    for call in _calls(tree, kinds):
        where = f"{module}:{call.lineno}"
        text = call.args[0]
        if isinstance(text, ast.Name) and text.id in parameters - constants.keys():
            continue  # handed through: it is read where it is made
        patterns = tuple(_read(text, constants, where))
        yield Refusal(where, patterns, frozenset(each.arg or "" for each in call.keywords))


def _below(kind: type[PlatformError]) -> Iterator[type[PlatformError]]:
    for each in kind.__subclasses__():
        yield each
        yield from _below(each)


def _is_said(kind: type[PlatformError]) -> bool:
    takes_words = "phrase" in signature(kind).parameters
    return kind.status not in _SAME_FOR_ALL and takes_words and not issubclass(kind, _OWN_WORDS)


def _calls(tree: ast.AST, kinds: set[str]) -> Iterator[ast.Call]:
    """Give the calls that make a refusal; a kind that knows its words says them to its base."""
    own = any(isinstance(n, ast.ClassDef) and n.name.endswith("Error") for n in ast.walk(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args:
            called = ast.unparse(node.func)
            if called in kinds or (own and called == "super().__init__"):
                yield node


def _read(text: ast.expr, constants: dict[str, ast.expr], where: str) -> Iterator[str]:
    match text:
        case ast.Constant(value=str() as pattern):
            yield pattern
        case ast.IfExp(body=one, orelse=other):
            yield from _read(one, constants, where)
            yield from _read(other, constants, where)
        case ast.Name(id=name) if name in constants:
            yield from _read(constants[name], constants, where)
        case ast.Subscript(value=ast.Name(id=name)) if name in constants:
            return  # a table of phrases, which are read by themselves
        case ast.Call(func=ast.Name(id="str")):
            return  # another's text, such as what is wrong with a rule: nobody translates that
        case _:
            raise AssertionError(f"{where}: the words of a refusal are no pattern with values")
