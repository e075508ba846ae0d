"""``anju-edge``: run the agent, or describe a recorded home for the platform."""

import argparse
import json
import logging
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any
from zoneinfo import ZoneInfo

from anju_devices.errors import RecordingError
from anju_edge import __version__
from anju_edge.errors import EdgeError

_log = logging.getLogger("anju_edge")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; give the exit code (2: something must be corrected first)."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if words[:1] == ["describe-replay"]:
            return _describe(_describe_parser().parse_args(words[1:]))
        return _run(_run_parser().parse_args(words))
    except (EdgeError, RecordingError) as error:
        print(f"anju-edge: {error}", file=sys.stderr)
        return 2


def _run_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="anju-edge",
        description="The agent on the box in the complex.",
        epilog="anju-edge describe-replay FILE --out community.json describes a recorded home.",
    )
    parser.add_argument("--config", type=Path, required=True, help="edge.yaml")
    parser.add_argument("--verbose", action="store_true", help="log more")
    parser.add_argument("--version", action="version", version=__version__)
    return parser


def _describe_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="anju-edge describe-replay",
        description="Write the community file of a recorded home (columns start,end,sensor).",
    )
    parser.add_argument("file", type=Path, help="the recording")
    parser.add_argument("--out", type=Path, required=True, help="where the file is written")
    parser.add_argument("--community", default="yangguang", help="whose home it becomes")
    parser.add_argument(
        "--like",
        type=Path,
        help="a community file whose head (name, time zone, plan) is taken over, so that "
        "importing the home changes nothing else of that community",
    )
    parser.add_argument("--gateway", default="gw-replay", help="the gateway that will play it")
    parser.add_argument("--home", help="begins the devices' ids (default: the file's name)")
    parser.add_argument("--timezone", default="Asia/Shanghai", help="of the community")
    return parser


def _run(options: argparse.Namespace) -> int:
    from anju_edge.agent import Agent
    from anju_edge.config import load

    logging.basicConfig(
        level=logging.DEBUG if options.verbose else logging.INFO,
        format="%(asctime)s %(levelname)-7s %(name)s: %(message)s",
    )
    stop = threading.Event()

    def ask_to_end(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, ask_to_end)
    signal.signal(signal.SIGINT, ask_to_end)
    Agent(load(options.config)).run(stop)
    return 0


def _describe(options: argparse.Namespace) -> int:
    from anju_devices import recording

    community = _head(options)
    home = recording.home_of(options.file, options.home)
    rows = recording.read(options.file, home=home, zone=ZoneInfo(community["timezone"]))
    document = recording.describe(rows, home=home, community=community, gateway=options.gateway)
    text = json.dumps(document, ensure_ascii=False, indent=1)
    try:
        options.out.write_text(f"{text}\n", "utf-8")
    except OSError as error:
        raise EdgeError(f"{options.out}: cannot be written: {error.strerror}") from error
    print(f"{options.out}: {len(rows)} rows of {len(document['devices'])} sensors")
    return 0


def _head(options: argparse.Namespace) -> dict[str, Any]:
    """Give the head of the community file: the one of ``--like``, else a plain one."""
    slug = options.community
    plain = {"slug": slug, "name": slug, "name_en": slug, "timezone": options.timezone, "plan": {}}
    if options.like is None:
        return plain
    try:
        head: dict[str, Any] = json.loads(options.like.read_text("utf-8"))["community"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EdgeError(f"{options.like}: is not a community file: {error!r}") from error
    return {**plain, **head}


if __name__ == "__main__":
    sys.exit(main())
