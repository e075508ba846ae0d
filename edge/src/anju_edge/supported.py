"""Everything this edge can talk to, as a table made of what each driver declares.

``python -m anju_edge.supported docs`` writes ``devices/README.md`` below the folder; with
``--check`` it says with a diff what has changed in the code and not in the file, and ends
with 1.
"""

import argparse
import difflib
import sys
from collections.abc import Sequence
from pathlib import Path

from anju_edge.drivers import camera, modbus, native, replay
from anju_edge.drivers.supported import Support

# one line each, by title; a driver's module of data is imported, never its library
SUPPORTED: tuple[Support, ...] = (
    native.SUPPORT,
    camera.SUPPORT,
    replay.SUPPORT,
    modbus.SUPPORT,
)

_FILE = Path("devices") / "README.md"
_HEAD = """\
# Devices and protocols

Made by `python -m anju_edge.supported docs` from what each driver declares; do not edit.

Each protocol is a driver of the edge agent ([installing](../installing.md)) and translates \
into our device models ([catalogue](../../devices/schema/catalog.json)). What does not fit \
its model is set aside with its reason, never guessed at.

| tier | what stands behind it |
|---|---|
| 1 | a recorded session is a test, and so is a conversation with a real program or device \
that speaks the protocol and was not written for this driver |
| 2 | a recorded session of a real device or program is a test |
| 3 | written from public text alone: try it with your device before lives hang on it |

| driver | speaks | tier | known to work | fills | extra |
|---|---|---|---|---|---|
"""


def document() -> str:
    """Give the text of the table."""
    rows = "".join(_row(one) for one in sorted(SUPPORTED, key=lambda one: one.driver))
    notes = "".join(
        f"- **{one.title}**, tier {one.tier.value}: {one.says}\n"
        for one in sorted(SUPPORTED, key=lambda one: one.driver)
    )
    return f"{_HEAD}{rows}\n## What each tier rests on\n\n{notes}"


def _row(one: Support) -> str:
    cells = (
        f"[{one.title}]({one.page})",
        one.speaks,
        str(one.tier.value),
        ", ".join(one.devices) or "none named yet",
        ", ".join(f"`{model}`" for model in one.models) or "any model",
        f"`{one.needs_extra}`" if one.needs_extra else "",
    )
    return f"| {' | '.join(cells)} |\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the table; give the exit status."""
    parser = argparse.ArgumentParser(prog="python -m anju_edge.supported", description=__doc__)
    parser.add_argument("folder", type=Path, help="the folder of the documents")
    parser.add_argument("--check", action="store_true", help="only say whether it is stale")
    options = parser.parse_args(arguments)
    path = options.folder / _FILE
    wanted = document()
    if not options.check:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted, encoding="utf-8")
        return 0
    present = path.read_text(encoding="utf-8") if path.exists() else ""
    diff = "".join(
        difflib.unified_diff(
            present.splitlines(keepends=True),
            wanted.splitlines(keepends=True),
            f"{_FILE} (file)",
            f"{_FILE} (code)",
        )
    )
    sys.stdout.write(diff)
    return 1 if diff else 0


if __name__ == "__main__":
    sys.exit(main())
