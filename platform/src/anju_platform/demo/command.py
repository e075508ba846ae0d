"""The ``anju demo`` command."""

import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anju_platform.demo.inputs import Replay, make_video
from anju_platform.demo.site import MORE_PEOPLE, PEOPLE
from anju_platform.errors import ConfigError

if TYPE_CHECKING:
    from anju_platform.demo.stage import Stage

LIVED_H = 96
"""Four days make a usual one on the family's page (three are needed), and at night some news."""


def demo(  # noqa: PLR0917 - typer's shape: every option is a parameter
    directory: Annotated[Path, typer.Option("--dir", help="Where everything is kept.")] = Path(
        ".anju/demo"
    ),
    port: Annotated[int, typer.Option(help="Port of the screens on 127.0.0.1.")] = 8000,
    seed: Annotated[int, typer.Option(help="The simulated community's seed.")] = 1,
    database_url: Annotated[
        str | None,
        typer.Option(help="An empty database of yours instead of the embedded PostgreSQL."),
    ] = None,
    video: Annotated[
        str | None, typer.Option(help="A video file or RTSP URL, read as a camera.")
    ] = None,
    zone: Annotated[
        list[str] | None,
        typer.Option(help="A zone in it: name[:kind]=x,y x,y x,y ... from 0 to 1; repeatable."),
    ] = None,
    replay: Annotated[
        Path | None, typer.Option(help="A recorded home: CSV of start, end, sensor.")
    ] = None,
    speed: Annotated[float, typer.Option(help="How much faster the recording is played.")] = 1000.0,
    replay_timezone: Annotated[
        str | None, typer.Option(help="The recording's time zone; the site's unless given.")
    ] = None,
    simulate: Annotated[  # noqa: FBT002 - the same
        bool, typer.Option(help="Run the simulated community.")
    ] = True,
) -> None:
    """Run the whole product here: database, broker, community, edge agents, screens."""
    from anju_platform.demo.stage import Options, Stage

    stopping = _until_asked_to_stop()
    try:
        options = Options(
            directory=directory,
            port=port,
            seed=seed,
            database_url=database_url,
            video=make_video(video, zone or []) if video else None,
            replay=Replay(replay, speed, replay_timezone) if replay else None,
            simulate=simulate,
            furnished=True,
            lived_h=LIVED_H,
        )
    except ConfigError as error:
        raise _told(error, 2) from error
    stage = Stage(options, say=lambda line: typer.echo(f"  {line}"))
    try:
        typer.echo("Anju 安居")
        stage.build()
        _invite(stage)
        while not stopping.wait(1.0):
            stage.children.tend()
    except ConfigError as error:
        raise _told(error, 1) from error
    finally:
        typer.echo("  stopping ...")
        stage.stop()
        typer.echo("  stopped; start again to continue where it was")


def _until_asked_to_stop() -> threading.Event:
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    return stopping


def _told(error: ConfigError, code: int) -> typer.Exit:
    typer.secho(str(error), err=True, fg=typer.colors.RED)
    return typer.Exit(code)


def _invite(stage: "Stage") -> None:
    typer.echo(f"\n  The wall:  {stage.url}\n")
    for one in (*PEOPLE, *MORE_PEOPLE):
        password = stage.site.passwords[one.username]
        typer.echo(f"    log in as {one.username:<10} password {password}")
    typer.echo(f"\n  data and logs: {stage.site.directory}")
    typer.echo("  Ctrl-C stops everything\n")
