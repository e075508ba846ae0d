"""The house rules no linter knows. An escape is a comment ``# house: <rule> - <why>``."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from servers import REPOSITORY

PARTS = ("devices", "rules", "edge", "platform", "dashboards")
MAX_FILE = 500
MAX_FUNCTION = 60
FORBIDDEN_NAMES = {"utils", "helpers", "common", "manager", "base"}
SQL = re.compile(
    r"^\s*(select|insert|update|delete|with|copy|create|alter|drop|listen|notify)\b", re.IGNORECASE
)


def sources() -> list[Path]:
    return [p for part in PARTS for p in sorted((REPOSITORY / part / "src").rglob("*.py"))]


def tracked() -> list[Path]:
    names = subprocess.run(
        ["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    return [REPOSITORY / name for name in names if (REPOSITORY / name).is_file()]


def escaped(lines: list[str], number: int, rule: str) -> bool:
    near = lines[max(0, number - 2) : number]
    return any(f"# house: {rule} - " in line for line in near)


def calls(tree: ast.AST) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node.func.attr, node.lineno


def test_files_stay_within_500_lines() -> None:
    python = [p for p in tracked() if p.suffix == ".py" and "migrations" not in p.parts]
    long = {str(p): n for p in python if (n := len(p.read_text("utf-8").splitlines())) > MAX_FILE}
    assert long == {}


def test_functions_stay_within_60_lines() -> None:
    long = [
        f"{path.relative_to(REPOSITORY)}:{node.lineno} {node.name}"
        for path in [p for p in tracked() if p.suffix == ".py" and "migrations" not in p.parts]
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > MAX_FUNCTION
    ]
    assert long == []


def test_modules_are_named_for_what_they_are() -> None:
    assert [p for p in sources() if p.stem in FORBIDDEN_NAMES] == []


def test_platform_never_shadows_the_standard_library() -> None:
    assert not (REPOSITORY / "platform" / "__init__.py").exists()


def test_commit_is_called_in_database_only() -> None:
    found = []
    for path in (REPOSITORY / "platform" / "src").rglob("*.py"):
        if path.name == "database.py":
            continue
        text = path.read_text("utf-8")
        lines = text.splitlines()
        found += [
            f"{path.relative_to(REPOSITORY)}:{line}"
            for name, line in calls(ast.parse(text))
            if name == "commit" and not escaped(lines, line, "commit")
        ]
    assert found == []


def test_sql_stands_in_repositories_only() -> None:
    # "listing" and "series" are repositories of reads: the SQL behind lists and charts
    allowed = {
        "repository.py",
        "listing.py",
        "series.py",
        "storage.py",
        "database.py",
        "migrate.py",
    }
    found = []
    for part in ("platform", "dashboards"):
        for path in (REPOSITORY / part / "src").rglob("*.py"):
            if path.name in allowed or "demo" in path.parts:
                continue
            text = path.read_text("utf-8")
            lines = text.splitlines()
            for node in ast.walk(ast.parse(text)):
                if not isinstance(node, ast.Call):
                    continue
                name = node.func.id if isinstance(node.func, ast.Name) else None
                literal = next((a for a in node.args if isinstance(a, ast.Constant)), None)
                is_sql = name in {"select", "insert", "update", "delete"} or (
                    name == "text"
                    and literal is not None
                    and isinstance(literal.value, str)
                    and SQL.match(literal.value)
                )
                if is_sql and not escaped(lines, node.lineno, "sql"):
                    found.append(f"{path.relative_to(REPOSITORY)}:{node.lineno}")
    assert found == []


def test_topic_strings_stand_in_topics_only() -> None:
    found = [
        str(p.relative_to(REPOSITORY))
        for p in sources()
        if p.name != "topics.py" and "anju/v1/" in p.read_text("utf-8")
    ]
    assert found == []


def test_nothing_names_a_machine_path_or_a_package_index() -> None:
    marks = re.compile(r"/(?:work|root)/|index-url|pypi\.org|npmjs\.org|files\.pythonhosted")
    kinds = {
        ".py",
        ".md",
        ".toml",
        ".yml",
        ".yaml",
        ".html",
        ".js",
        ".sh",
        ".txt",
        ".lock",
        ".json",
    }
    found = []
    for path in tracked():
        if path.suffix in kinds and path.name != "test_house_rules.py":
            match = marks.search(path.read_text("utf-8", errors="replace"))
            if match:
                found.append(f"{path.relative_to(REPOSITORY)}: {match.group(0)}")
    assert found == []
