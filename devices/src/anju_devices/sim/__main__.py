"""``anju-sim``: describe a community, or play its devices."""

import argparse
import asyncio
import contextlib
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from anju_devices.errors import DeviceError
from anju_devices.sim.describe import describe, document_text
from anju_devices.sim.plan import Size
from anju_devices.sim.play import Play, Player
from anju_devices.sim.site import load

MAX_BUILDINGS = 6


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; give the exit status."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except DeviceError as error:
        print(f"anju-sim: {error}", file=sys.stderr)
        return 2
    return status


LIVED_MOST_H = 240
"""So much of the past fits into the queue to an agent."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="anju-sim", description=__doc__)
    commands = parser.add_subparsers(required=True)
    making = commands.add_parser("describe", help="write a community file from a seed")
    making.add_argument("--seed", type=int, default=1)
    making.add_argument("--buildings", type=int, default=6, choices=range(1, MAX_BUILDINGS + 1))
    making.add_argument("--entrances", type=int, default=2, choices=range(1, 4))
    making.add_argument("--floors", type=int, default=9, choices=range(1, 10))
    making.add_argument("--out", type=Path, required=True, metavar="FILE")
    making.set_defaults(run=_describe)
    playing = commands.add_parser("run", help="play a community's devices at edge agents")
    playing.add_argument("--community", type=Path, required=True, metavar="FILE")
    playing.add_argument("--gateway", action="append", required=True, metavar="SLUG")
    playing.add_argument(
        "--connect",
        action="append",
        required=True,
        metavar="HOST:PORT",
        help="the agent's native driver; HOST:@FILE reads the port from the agent's port_file",
    )
    playing.add_argument("--token-file", type=Path, required=True, metavar="FILE")
    playing.add_argument(
        "--speed", type=float, default=1.0, help="1 to 1000 (default: %(default)s)"
    )
    playing.add_argument("--script", choices=("demo", "none"), default="demo")
    playing.add_argument("--seed", type=int, default=1)
    playing.add_argument(
        "--lived-h",
        type=float,
        default=0.0,
        metavar="HOURS",
        help="say first what motion sensors saw in these hours before",
    )
    playing.set_defaults(run=_run)
    return parser


def _describe(options: argparse.Namespace) -> int:
    size = Size(buildings=options.buildings, entrances=options.entrances, floors=options.floors)
    text = document_text(describe(options.seed, size))
    try:
        options.out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DeviceError(f"--out {str(options.out)!r}: {error.strerror}") from error
    return 0


def _run(options: argparse.Namespace) -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    play = _play(options)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_until_stopped(play))
    return 0


async def _until_stopped(play: Play) -> None:
    await Player(play).run()


def _play(options: argparse.Namespace) -> Play:
    site = load(options.community)
    if len(options.gateway) != len(options.connect):
        raise DeviceError("give one --connect for each --gateway, in the same order")
    if not 1 <= options.speed <= 1000:  # noqa: PLR2004 - what the tests cover
        raise DeviceError(f"--speed {options.speed:g}: must be from 1 to 1000")
    if not 0 <= options.lived_h <= LIVED_MOST_H:
        raise DeviceError(f"--lived-h {options.lived_h:g}: must be from 0 to {LIVED_MOST_H}")
    known = {device.gateway for device in site.devices.values()}
    for gateway in options.gateway:
        if gateway not in known:
            raise DeviceError(f"--gateway {gateway}: not in the file; it has {sorted(known)}")
    try:
        token = options.token_file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise DeviceError(f"--token-file {str(options.token_file)!r}: {error.strerror}") from error
    return Play(
        site=site,
        agents=dict(zip(options.gateway, map(_address, options.connect), strict=True)),
        token=token,
        seed=options.seed,
        speed=options.speed,
        script=options.script,
        lived_h=options.lived_h,
    )


def _address(text: str) -> tuple[str, int | Path]:
    host, _, port = text.partition(":@") if ":@" in text else text.rpartition(":")
    if host and ":@" in text and port:
        return host.strip("[]"), Path(port)
    if not host or not port.isdigit():
        raise DeviceError(f"--connect {text!r}: must be HOST:PORT or HOST:@FILE")
    return host.strip("[]"), int(port)


if __name__ == "__main__":
    sys.exit(main())
