"""Writes the JSON Schema of a rule: ``python -m anju_rules.schema DIRECTORY [--check]``."""

import argparse
import difflib
import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from anju_rules.durations import Duration
from anju_rules.rule import Rule


def rule_schema() -> str:
    """Give the schema as text, the same for the same code."""

    def describe(wanted: type) -> dict[str, Any]:
        if wanted is Duration:
            return {
                "description": "seconds, or a number with ms, s, m, h or d",
                "anyOf": [
                    {"type": "number", "minimum": 0},
                    {"type": "string", "pattern": r"^\d+(\.\d+)?\s*(ms|s|m|h|d)$"},
                    {"type": "string", "pattern": r"^params\.\w+$"},
                ],
            }
        raise NotImplementedError(wanted)

    schema = msgspec.json.schema(Rule, schema_hook=describe)
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False, default=float) + "\n"


def main() -> int:
    """Write the schema, or with ``--check`` say how the written one differs."""
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=Path)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    path: Path = options.directory / "rule.schema.json"
    wanted = rule_schema()
    if not options.check:
        options.directory.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted, encoding="utf-8")
        return 0
    found = path.read_text(encoding="utf-8") if path.exists() else ""
    sys.stderr.writelines(
        difflib.unified_diff(
            found.splitlines(keepends=True),
            wanted.splitlines(keepends=True),
            str(path),
            "generated",
        )
    )
    return int(found != wanted)


if __name__ == "__main__":
    sys.exit(main())
