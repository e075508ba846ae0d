"""``anju keep``, ``anju backup`` and ``anju restore``: how long data live, and where else."""

from pathlib import Path
from typing import Annotated

import typer

from anju_platform.config import Settings
from anju_platform.console import Console, community_number, database
from anju_platform.telemetry.model import Kept

keep_app = typer.Typer(help="How long each community keeps what.", no_args_is_help=True)

CommunityName = Annotated[str, typer.Option("--community", help="The community's id.")]
Folder = Annotated[Path, typer.Argument(help="The backup's folder.")]


@keep_app.command("list")
def list_kept(community: CommunityName) -> None:
    """List for how many days a community keeps what."""
    from anju_platform.telemetry.retention import repository
    from anju_platform.worker import kept_days

    defaults = kept_days(Settings.load())
    with database() as session:
        number = community_number(session, community)
        own = repository.rules(session)
    for kind, days in defaults.items():
        kept = own.get((number, kind))
        told = f"{days:>6} days" if kept is None else f"{kept:>6} days (settings: {days})"
        typer.echo(f"{kind:<16} {told}")


@keep_app.command("set")
def set_kept(
    kind: Annotated[Kept, typer.Argument(help="What is kept.")],
    days: Annotated[int, typer.Argument(min=1, help="For how many days.")],
    community: CommunityName,
) -> None:
    """Let a community keep something longer or less long than the settings say."""
    _set(kind, days, community)
    typer.echo(f"{community} keeps {kind} for {days} days; what is older goes within the hour")


@keep_app.command("reset")
def reset_kept(
    kind: Annotated[Kept, typer.Argument(help="What is kept.")], community: CommunityName
) -> None:
    """Let a community keep something as long as the settings say."""
    _set(kind, None, community)
    typer.echo(f"{community} keeps {kind} as the settings say")


def _set(kind: Kept, days: int | None, community: str) -> None:
    from anju_platform.audit.service import record
    from anju_platform.telemetry.retention import repository

    with database() as session:
        number = community_number(session, community)
        repository.set_rule(session, number, kind, days)
        said = {"kind": kind, "days": days}
        record(session, Console(number), "retention.changed", f"community:{community}", said)


@keep_app.callback()
def _keep() -> None:
    """How long each community keeps what."""


def backup(directory: Folder) -> None:
    """Copy the whole database into a new folder, while everything goes on."""
    from anju_platform.backup.copying import back_up

    made = back_up(Settings.load().database_url, directory)
    typer.echo(f"{directory}: {made.bytes:,} bytes, {sum(made.counts.values()):,} rows")


def restore(directory: Folder) -> None:
    """Bring a backup into an empty database, and count whether all of it is there."""
    from anju_platform.backup.copying import bring_back

    made = bring_back(Settings.load().database_url, directory)
    typer.echo(f"restored what was backed up at {made.made_at}; start the processes now")
