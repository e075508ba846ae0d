"""The part of ``anju`` that is about the broker: its certificate, its settings, its accounts."""

import json
from pathlib import Path
from typing import Annotated

import typer

from anju_platform.config import Settings
from anju_platform.console import Console, community_number, database
from anju_platform.errors import ConfigError, InvalidRequestError

gateway_app = typer.Typer(help="Gateways' credentials.", no_args_is_help=True)

_Community = Annotated[str, typer.Option("--community", help="The community's id.")]
_Gateway = Annotated[str, typer.Argument(help="The gateway's id.")]
_Reason = Annotated[str, typer.Option(help="Why; it stands in the audit.")]


def broker_ca(
    directory: Annotated[Path, typer.Option("--dir", help="The broker's folder.")],
    names: Annotated[
        list[str], typer.Option("--name", help="A host name or address gateways reach it by.")
    ],
    ca_dir: Annotated[
        Path, typer.Option(help="Where the authority and its key are; never with the broker.")
    ] = Path("broker-ca"),
) -> None:
    """Make the broker's certificate, and at first a certificate authority of the site's own."""
    from anju_platform import authority
    from anju_platform.private import write_private

    signer = authority.open_authority(ca_dir, "Anju site CA")
    certificate, key = signer.sign(names)
    directory.mkdir(parents=True, exist_ok=True)
    write_private(directory / authority.KEY, key)
    (directory / authority.CERTIFICATE).write_bytes(certificate)
    known = (ca_dir / authority.CA_CERTIFICATE).read_bytes()
    (directory / authority.CA_CERTIFICATE).write_bytes(known)
    until = authority.expires_at(certificate).date().isoformat()
    typer.echo(f"{directory / authority.CERTIFICATE}: good until {until}; restart the broker")


def broker_config(  # noqa: PLR0917 - typer's shape: every option is a parameter
    directory: Annotated[Path, typer.Option("--dir", help="The broker's folder.")],
    port: Annotated[int, typer.Option(help="The TLS listener's port.")] = 8883,
    clear_port: Annotated[int, typer.Option(help="The port for this machine alone.")] = 1883,
    seen_as: Annotated[
        Path | None, typer.Option(help="The folder as the broker sees it, in a container.")
    ] = None,
    plugin: Annotated[
        Path | None, typer.Option(help="Where the broker has its dynamic-security plugin.")
    ] = None,
    secrets: Annotated[
        Path | None, typer.Option(help="Gateway secrets (JSON) of releases before this one.")
    ] = None,
    renew: Annotated[
        bool,
        typer.Option("--renew-accounts", help="Write all accounts anew; the broker is stopped."),
    ] = False,
) -> None:
    """Write Mosquitto's configuration: TLS, safe settings, and its first accounts."""
    from anju_platform import authority, broker
    from anju_platform.dynsec import accounts as known
    from anju_platform.gateways import credentials

    settings = Settings.load()
    if settings.broker_password is None or settings.broker_admin_password is None:
        raise ConfigError(
            "set ANJU_BROKER_PASSWORD and ANJU_BROKER_ADMIN_PASSWORD: they become the passwords"
            " of the platform and of who changes the broker's accounts"
        )
    tls = None
    if (directory / authority.CERTIFICATE).exists():
        there = seen_as or directory.resolve()
        tls = broker.Tls(port, there / authority.CERTIFICATE, there / authority.KEY)
    with database() as session:
        credentials.take_over(session, known_secrets(secrets) if secrets else {})
        found, unknown = credentials.accounts(session)
    accounts = [
        known.platform_account(settings.broker_password.get_secret_value()),
        known.keeper_account(settings.broker_admin_password.get_secret_value()),
        *found,
    ]
    config = broker.write_mosquitto(
        directory.resolve(),
        port=clear_port,
        accounts=accounts,
        seen_as=seen_as,
        tls=tls,
        plugin=plugin,
        renew=renew,
    )
    typer.echo(f"{config}: {len(accounts)} accounts; restart the broker to use it")
    if tls is None:
        typer.echo("no TLS, for there is no certificate: gateways elsewhere cannot connect")
    for name in unknown:
        typer.echo(f"{name}: its secret is not known; name --secrets, or rotate it")


@gateway_app.command("rotate")
def rotate(gateway: _Gateway, community: _Community, reason: _Reason) -> None:
    """Give a gateway a new secret, shown this once; the former opens nothing from now on."""
    from anju_platform.gateways import credentials

    settings = Settings.load()
    with database() as session:
        who = Console(community_number(session, community))
        secret = credentials.rotate(session, who, settings, gateway, reason)
    typer.echo(secret)


@gateway_app.command("revoke")
def revoke(gateway: _Gateway, community: _Community, reason: _Reason) -> None:
    """Cut a gateway off, now; only a new secret brings it back."""
    from anju_platform.gateways import credentials

    settings = Settings.load()
    with database() as session:
        who = Console(community_number(session, community))
        credentials.revoke(session, who, gateway, reason)
    credentials.cut_off(settings, community, gateway)
    typer.echo(f"{gateway}: its secret opens nothing any more")


def known_secrets(path: Path) -> dict[str, str]:
    """Read secrets of gateways by slug; none from a file that is not there.

    Raises:
        InvalidRequestError: the file is something else.
    """
    if not path.exists():
        return {}
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InvalidRequestError(f"{path} exists and is not JSON; move it away") from error
    if not isinstance(known, dict):
        raise InvalidRequestError(f"{path} exists and is not a list of secrets; move it away")
    return known
