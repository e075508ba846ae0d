"""The wire and the catalogue as JSON, for people and programs that do not read Python.

``python -m anju_devices.schema devices/schema`` writes the files; with ``--check`` it says
with a diff what has changed in the code and not in the files, and ends with 1.
"""

import argparse
import difflib
import inspect
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from anju_devices.catalog import MODELS
from anju_devices.gateway_config import GatewayConfig
from anju_devices.messages import (
    Batch,
    Command,
    CommandResult,
    Committed,
    Envelope,
    Reading,
    Status,
)
from anju_devices.model import DeviceModel, Field, Text

MESSAGES: tuple[type[msgspec.Struct], ...] = (
    Batch,
    Reading,
    Envelope,
    Committed,
    Status,
    Command,
    CommandResult,
    GatewayConfig,
)
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def documents() -> dict[str, str]:
    """Give every file's name and text; the same code gives the same bytes."""
    files = {f"{_file_name(kind)}.schema.json": _text(_schema(kind)) for kind in MESSAGES}
    files["catalog.json"] = _text({name: _model(model) for name, model in MODELS.items()})
    return files


def write(folder: Path) -> None:
    """Write every file and remove those that are no longer made."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = documents()
    for name, text in wanted.items():
        (folder / name).write_text(text, encoding="utf-8")
    for path in folder.glob("*.json"):
        if path.name not in wanted:
            path.unlink()


def stale(folder: Path) -> str:
    """Give the diff from the files in ``folder`` to what the code says; empty if none."""
    wanted = documents()
    present = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.json")}
    return "".join(
        line
        for name in sorted(wanted.keys() | present.keys())
        for line in difflib.unified_diff(
            present.get(name, "").splitlines(keepends=True),
            wanted.get(name, "").splitlines(keepends=True),
            f"{name} (file)",
            f"{name} (code)",
        )
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the files; give the exit status."""
    parser = argparse.ArgumentParser(prog="python -m anju_devices.schema", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the files are")
    parser.add_argument("--check", action="store_true", help="only say whether they are stale")
    options = parser.parse_args(arguments)
    if not options.check:
        write(options.folder)
        return 0
    diff = stale(options.folder)
    sys.stdout.write(diff)
    return 1 if diff else 0


def _file_name(kind: type[msgspec.Struct]) -> str:
    words = "".join(f" {c.lower()}" if c.isupper() else c for c in kind.__name__).split()
    return "-".join(words)


def _text(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _schema(kind: type[msgspec.Struct]) -> dict[str, Any]:
    schema = msgspec.json.schema(kind)
    for definition in schema["$defs"].values():
        if "description" in definition:  # Python 3.13 takes the indentation away itself
            definition["description"] = inspect.cleandoc(definition["description"])
    return {"$schema": DIALECT, **schema}


def _model(model: DeviceModel) -> dict[str, Any]:
    return {
        "title": _words(model.title),
        "icon": model.icon,
        "interval_s": model.interval_s,
        "life_safety": model.life_safety,
        "fields": [_field(field) for field in model.fields],
        "events": [
            {"name": e.name, "title": _words(e.title), "data": [_field(f) for f in e.data]}
            for e in model.events
        ],
        "commands": [
            {"name": c.name, "title": _words(c.title), "args": [_field(f) for f in c.args]}
            for c in model.commands
        ],
    }


def _field(field: Field) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": field.name,
        "kind": field.kind.value,
        "title": _words(field.title),
    }
    for key in ("unit", "minimum", "maximum", "options", "urgent"):
        value = getattr(field, key)
        if value or (value == 0 and value is not False):
            entry[key] = value
    return entry


def _words(text: Text) -> dict[str, str]:
    return {"zh": text.zh, "en": text.en}


if __name__ == "__main__":
    sys.exit(main())
