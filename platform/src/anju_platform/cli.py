"""The ``anju`` command: runs the processes, brings in communities, people and devices."""

import json
import logging
import sys
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.exc import OperationalError

from anju_platform.auth.model import Role
from anju_platform.backtest.command import backtest
from anju_platform.broker_cli import broker_ca, broker_config, gateway_app, known_secrets
from anju_platform.children import CONFIG_FAULT
from anju_platform.config import Settings
from anju_platform.console import Console, administrator, community_number, database
from anju_platform.demo.command import demo
from anju_platform.errors import ConfigError, InvalidRequestError, NotFoundError, PlatformError
from anju_platform.keep_cli import backup, keep_app, restore
from anju_platform.private import write_private
from anju_platform.pulse import Kind
from anju_platform.registry.schemas import DeviceState, DeviceStatus
from anju_platform.rule_cli import rules as rule_app

app = typer.Typer(
    name="anju",
    help="Anju 安居: keeps residential communities safe.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
community_app = typer.Typer(help="Communities.", no_args_is_help=True)
user_app = typer.Typer(help="People who may log in.", no_args_is_help=True)
device_app = typer.Typer(help="Devices.", no_args_is_help=True)
quarantine_app = typer.Typer(help="What could not be taken in.", no_args_is_help=True)
app.command()(demo)
app.add_typer(community_app, name="community")
app.add_typer(user_app, name="user")
app.add_typer(device_app, name="device")
app.add_typer(quarantine_app, name="quarantine")
app.add_typer(rule_app, name="rule")
app.add_typer(keep_app, name="keep")
app.add_typer(gateway_app, name="gateway")
app.command()(broker_ca)
app.command()(broker_config)
app.command()(backup)
app.command()(restore)
rule_app.command()(backtest)

CommunityName = Annotated[str, typer.Option("--community", help="The community's id.")]


def main() -> None:
    """Run the command line; errors are told in a sentence."""
    try:
        app(standalone_mode=True)
    except ConfigError as error:
        _fail(str(error), CONFIG_FAULT)
    except PlatformError as error:
        _fail(str(error), 1)
    except OperationalError as error:
        _fail(f"the database does not answer: {error.orig}", 1)


def _fail(message: str, status: int) -> None:
    typer.secho(message.strip(), err=True, fg=typer.colors.RED)
    sys.exit(status)


def _settings() -> Settings:
    settings = Settings.load()
    logging.basicConfig(
        level=settings.log_level.upper(),
        format="%(asctime)s %(levelname)-7s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    return settings


# -- processes ---------------------------------------------------------------------------


@app.command()
def ingest() -> None:
    """Run the ingest process: from the broker into the database, through the rules."""
    from anju_platform import ingest as process

    process.run(_settings())


@app.command()
def worker() -> None:
    """Run the worker: tells people, and keeps the house."""
    from anju_platform import worker as process

    process.run(_settings())


@app.command()
def web() -> None:
    """Run the web process: screens and API."""
    from anju_platform import serve

    serve.run(_settings())


@app.command()
def up() -> None:
    """Run ingest, worker and web as children of this process, for a small site."""
    from anju_platform import supervisor

    processes = supervisor.names(_settings().ingest_processes)
    raise typer.Exit(supervisor.run(processes))


@app.command()
def health(
    kind: Annotated[Kind, typer.Argument(help="Which process.")],
    anywhere: Annotated[
        bool, typer.Option("--anywhere", help="On any machine, not only on this one.")
    ] = False,
) -> None:
    """Tell by the exit status whether such a process is alive: 0 it is, 1 it is not."""
    from anju_platform.system import listing
    from anju_platform.system.health import told_alive

    with database() as session:
        lines, alive = told_alive(listing.processes(session), kind, anywhere=anywhere)
    for line in lines:
        typer.echo(line)
    raise typer.Exit(0 if alive else 1)


@app.command()
def migrate() -> None:
    """Bring the database to this release's tables."""
    from anju_platform.migrate import migrate as bring_up

    bring_up(_settings().database_url)
    typer.echo("the database is up to date")


@app.command()
def schema(
    check: Annotated[bool, typer.Option("--check", help="Only tell whether it is fresh.")] = False,
    out: Annotated[Path, typer.Option(help="Where the API's description is kept.")] = Path(
        "docs/openapi.json"
    ),
) -> None:
    """Write the API's description (OpenAPI) to docs/openapi.json."""
    from anju_platform.api import describe

    text = describe()
    if check:
        if not out.is_file() or out.read_text(encoding="utf-8") != text:
            raise InvalidRequestError(f"{out} is out of date; run: anju schema")
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf-8")


# -- communities -------------------------------------------------------------------------


@community_app.command("import")
def import_community(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Community file.")],
    secrets_out: Annotated[
        Path, typer.Option(help="Where secrets of new gateways are added (JSON, mode 0600).")
    ],
) -> None:
    """Bring a community in from its file, or up to date with it; may be repeated."""
    from anju_platform.audit.service import record
    from anju_platform.provision import import_community as bring_in

    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InvalidRequestError(f"{file} is not JSON: {error}") from error
    known = known_secrets(secrets_out)
    with database() as session:
        made = bring_in(session, document)
        slug = document["community"]["slug"]
        who = Console(community_number(session, slug))
        record(session, who, "community.imported", f"community:{slug}", {"gateways": list(made)})
        # before the commit: a gateway whose secret nobody has would be lost
        write_private(secrets_out, json.dumps(known | made, indent=1).encode())
    typer.echo(f"{slug}: up to date; {len(made)} new gateway secrets in {secrets_out}")


# -- people ------------------------------------------------------------------------------


@user_app.command("add")
def add_user(  # noqa: PLR0917 - typer's shape: every option is a parameter
    username: Annotated[str, typer.Argument(help="What they log in with.")],
    role: Annotated[Role, typer.Option(help="What they are to the community.")],
    community: Annotated[
        str | None, typer.Option(help="The community's id; none: all of them (admin only).")
    ] = None,
    name: Annotated[str | None, typer.Option(help="What they are called on screens.")] = None,
    locale: Annotated[str, typer.Option(help="Language of their screens: zh or en.")] = "zh",
    homes: Annotated[
        list[str] | None, typer.Option("--home", help="A home whose family they are.")
    ] = None,
    relation: Annotated[
        str, typer.Option(help="What they are to whoever lives there, such as daughter.")
    ] = "",
    places: Annotated[
        list[str] | None, typer.Option("--place", help="A place a grid worker looks after.")
    ] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
    update: Annotated[
        bool, typer.Option("--update", help="If they exist, give them this password.")
    ] = False,
) -> None:
    """Add somebody who may log in."""
    from anju_platform.accounts.scopes import give_scopes
    from anju_platform.audit.service import record
    from anju_platform.auth import repository, service

    password = _ask_password(from_stdin=password_stdin)
    with database() as session:
        community_id = community_number(session, community) if community is not None else None
        who = Console(community_id)
        if update and repository.user_by_name(session, username) is not None:
            service.set_password(session, username, password)
            record(session, who, "user.password", f"user:{username}")
        else:
            user = service.add_user(
                session,
                username=username,
                name=name or username,
                role=role,
                community_id=community_id,
                password=password,
                locale=locale,
            )
            give_scopes(session, user, homes or (), relation=relation, places=places or ())
            record(session, who, "user.added", f"user:{username}", {"role": role})
    typer.echo(f"{username} may log in as {role}")


def _ask_password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise InvalidRequestError("give the password on standard input, with --password-stdin")
    password: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    return password


@user_app.command("password")
def set_password(
    username: str,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
) -> None:
    """Give somebody a new password, unlock them and end their sessions."""
    from anju_platform.audit.service import record
    from anju_platform.auth import service

    password = _ask_password(from_stdin=password_stdin)
    with database() as session:
        user = service.set_password(session, username, password)
        record(session, Console(user.community_id), "user.password", f"user:{username}")
    typer.echo(f"{username} has a new password")


@user_app.command("reset-second-factor")
def reset_second_factor(username: str) -> None:
    """Forget the second factor of somebody who lost it, and end their sessions."""
    from anju_platform.auth import second_factor, service

    with database() as session:
        user = service.find_user(session, username)
        second_factor.reset(session, Console(user.community_id), user)
    typer.echo(f"{username} logs in with the password alone again")


@user_app.command("disable")
def disable_user(username: str) -> None:
    """Shut somebody out and end their sessions."""
    _set_disabled(username, disabled=True)
    typer.echo(f"{username} may not log in any more")


@user_app.command("enable")
def enable_user(username: str) -> None:
    """Let somebody in again."""
    _set_disabled(username, disabled=False)
    typer.echo(f"{username} may log in again")


def _set_disabled(username: str, *, disabled: bool) -> None:
    from anju_platform.audit.service import record
    from anju_platform.auth import service

    with database() as session:
        user = service.set_disabled(session, username, disabled=disabled)
        word = "disabled" if disabled else "enabled"
        record(session, Console(user.community_id), f"user.{word}", f"user:{username}")


# -- devices -----------------------------------------------------------------------------


@device_app.command("list")
def list_devices(
    community: CommunityName,
    status: Annotated[list[DeviceStatus] | None, typer.Option(help="Only these.")] = None,
) -> None:
    """List devices, those that need care first."""
    from anju_platform.registry.listing import devices
    from anju_platform.registry.schemas import DeviceFilter

    wanted = DeviceFilter(status=tuple(status or ()))
    with database() as session:
        number = community_number(session, community)
        for row in devices(session, number, wanted, size=1_000_000).rows:
            seen = row.last_seen_at.isoformat(timespec="seconds") if row.last_seen_at else "never"
            typer.echo(f"{row.status:<8} {row.slug:<32} {row.model:<18} {seen:<26} {row.place}")


@device_app.command("add")
def add_device(  # noqa: PLR0917 - typer's shape: every option is a parameter
    slug: str,
    community: CommunityName,
    model: Annotated[str, typer.Option(help="Its model in the catalogue.")],
    gateway: Annotated[str, typer.Option(help="The gateway it speaks through.")],
    place: Annotated[str, typer.Option(help="Where it is.")],
    name: Annotated[str, typer.Option(help="What it is called.")],
    name_en: Annotated[str | None, typer.Option(help="The same in English.")] = None,
    household: Annotated[str | None, typer.Option(help="Whose home it watches.")] = None,
) -> None:
    """Approve a device; what it said before, kept in quarantine, is then taken in."""
    from pydantic import ValidationError

    from anju_platform.registry import admission
    from anju_platform.registry.schemas import NewDevice

    try:
        wanted = NewDevice(
            slug=slug,
            model=model,
            gateway=gateway,
            place=place,
            household=household,
            name=name,
            name_en=name_en or name,
        )
    except ValidationError as error:
        faults = "; ".join(f"{f['loc'][0]}: {f['msg']}" for f in error.errors())
        raise InvalidRequestError(faults) from error
    with database() as session:
        community_id = community_number(session, community)
        admission.add_device(session, Console(community_id), community_id, wanted)
    typer.echo(f"{slug} is approved")


@device_app.command("retire")
def retire_device(slug: str, community: CommunityName) -> None:
    """Take a device out of service; its history stays."""
    _set_device_state(slug, community, DeviceState.RETIRED)


@device_app.command("restore")
def restore_device(slug: str, community: CommunityName) -> None:
    """Bring a retired device back."""
    _set_device_state(slug, community, DeviceState.APPROVED)


def _set_device_state(slug: str, community: str, state: DeviceState) -> None:
    from anju_platform.registry import admission

    with database() as session:
        community_id = community_number(session, community)
        admission.set_state(session, Console(community_id), community_id, slug, state)
    typer.echo(f"{slug} is {state}")


# -- quarantine --------------------------------------------------------------------------


@quarantine_app.command("list")
def list_quarantine(
    community: CommunityName,
    everything: Annotated[
        bool, typer.Option("--all", help="Also what was taken in since.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 50,
) -> None:
    """List what could not be taken in, newest first."""
    from anju_platform.system.repository import quarantine_page

    with database() as session:
        found = quarantine_page(
            session,
            administrator(community_number(session, community)),
            waiting=not everything,
            reason=None,
            page=1,
            size=limit,
            unclaimed=True,
        )
    for row in found.rows:
        at = row.received_at.isoformat(timespec="seconds")
        typer.echo(f"{row.id:<8} {at} {row.gateway or '?':<16} {row.reason:<16} {row.detail}")
    typer.echo(f"{len(found.rows)} of {found.total}")


@quarantine_app.command("release")
def release(  # noqa: PLR0917 - typer's shape: every option is a parameter
    device: Annotated[str, typer.Argument(help="The unknown device's id.")],
    community: CommunityName,
    model: Annotated[str, typer.Option(help="Its model in the catalogue.")],
    place: Annotated[str, typer.Option(help="Where it is.")],
    name: Annotated[str | None, typer.Option(help="What it is called.")] = None,
    household: Annotated[str | None, typer.Option(help="Whose home it watches.")] = None,
) -> None:
    """Approve an unknown device where it was heard; ingest takes its readings in."""
    from anju_platform.system.repository import heard_through

    with database() as session:
        gateway = heard_through(session, community_number(session, community), device)
    if gateway is None:
        raise NotFoundError(f"nothing of {device!r} waits in quarantine")
    add_device(
        device,
        community,
        model=model,
        gateway=gateway,
        place=place,
        name=name or device,
        household=household,
    )


if __name__ == "__main__":
    main()
