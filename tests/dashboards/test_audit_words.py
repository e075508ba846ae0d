"""The audit's page has words for whatever the code puts on record."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from servers import REPOSITORY

from anju_dashboards.audit.views import ACTION, GROUP
from anju_platform.alerts.windows.model import Kind
from anju_platform.registry.schemas import DeviceState

SOURCES = ("platform/src", "dashboards/src")
WORD = re.compile(r"[a-z_]+\.[a-z_]+")
MADE = {
    "{window.kind}.planned": {f"{kind}.planned" for kind in Kind},
    "{window.kind}.ended": {f"{kind}.ended" for kind in Kind},
    "device.{state}": {f"device.{state}" for state in DeviceState},
    "user.{word}": {"user.disabled", "user.enabled"},
}
"""Actions that the code puts together, by how it writes them; those of alerts see below."""
ONE_OFF = {
    "alerts.",
    "audit.",
    "community.",
    "consents.",
    "devices.",
    "people.",
    "quarantine.",
    "reports.",
    "retention.",
    "screen.",
    "windows.",
}
"""What has a word or two only needs no group of its own."""


def calls() -> Iterator[tuple[str, ast.expr, ast.Module]]:
    """Give which function each call calls, its word, and the file it stands in."""
    for folder in SOURCES:
        for path in sorted((REPOSITORY / folder).rglob("*.py")):
            tree = ast.parse(path.read_text("utf-8"))
            for node in ast.walk(tree):
                if not isinstance(node, ast.Call):
                    continue
                name = ast.unparse(node.func).rpartition(".")[2]
                if name == "record" and len(node.args) >= 4:
                    yield name, node.args[2], tree
                elif name == "note_step":
                    yield name, node.args[3], tree


def words(name: str, said: ast.expr, tree: ast.Module) -> set[str]:
    """Give the actions that one call may put on record."""
    if isinstance(said, ast.Constant):
        return {f"alert.{said.value}" if name == "note_step" else str(said.value)}
    if isinstance(said, ast.JoinedStr):
        pattern = ast.unparse(said)[2:-1]
        return set() if pattern == "alert.{kind}" else MADE[pattern]
    found = {  # a variable: one of the words of its file
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and WORD.fullmatch(node.value)
    }
    assert found, ast.unparse(said)
    return found


def recorded() -> set[str]:
    return {word for call in calls() for word in words(*call)}


def test_whatever_is_recorded_has_words() -> None:
    known = recorded()
    assert len(known) > 80
    assert sorted(known - set(ACTION)) == []


def test_no_words_are_left_over() -> None:
    assert sorted(set(ACTION) - recorded()) == []


def test_every_action_is_found_by_its_group() -> None:
    groups = set(GROUP) | ONE_OFF
    assert sorted(action for action in ACTION if f"{action.partition('.')[0]}." not in groups) == []
