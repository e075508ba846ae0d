"""The one door to PostgreSQL: engine, declarative base, and the only ``commit``."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, cast

import msgspec
import psycopg
import sqlalchemy.exc
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    DateTime,
    Engine,
    Identity,
    MetaData,
    any_,
    create_engine,
    func,
    literal,
    select,
    text,
    true,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute, Session, mapped_column

from anju_platform.errors import ConfigError, TooLargeError

Key = Annotated[int, mapped_column(BigInteger, Identity(), primary_key=True)]
"""A surrogate key made by the database."""

Json = dict[str, Any]
_json = msgspec.json.Encoder()

UNAVAILABLE = (
    sqlalchemy.exc.OperationalError,
    sqlalchemy.exc.InterfaceError,
    psycopg.OperationalError,
    psycopg.InterfaceError,
)
"""Errors that speak of the server or the way to it, not of what was asked: try again later."""

_LIMIT_EXCEEDED = "54"
"""SQLSTATE class that drivers count among those errors, though it speaks of what was asked."""


_DEADLOCK = "40P01"


class Table(DeclarativeBase):
    """Base of every table; names of constraints are fixed so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own contract
        datetime: DateTime(timezone=True),
        int: BigInteger,
        Json: JSONB,
        list[str]: JSONB,
        list[int]: JSONB,
    }


def connect(url: str, *, pool_size: int = 10) -> Engine:
    """Make the engine of a process; sessions run in UTC.

    Raises:
        ConfigError: the URL is not one of PostgreSQL.
    """
    if not url.startswith(("postgresql://", "postgresql+psycopg://", "postgres://")):
        msg = f"database_url must start with postgresql://, it is {url.split('://', maxsplit=1)[0]!r}://..."
        raise ConfigError(msg)
    scheme, rest = url.split("://", 1)
    del scheme
    return create_engine(
        f"postgresql+psycopg://{rest}",
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_use_lifo=True,  # the connection used last has its statements prepared
        pool_pre_ping=True,
        hide_parameters=True,  # errors are logged; what people and devices said is not
        connect_args={
            # The server, too, gives up a client that vanished or stands still in the middle of
            # a transaction: ingest waits for the alert's row it has locked. In the middle of a
            # COPY a client is "active" instead: an ingest has its seat taken (offices).
            "options": "-c timezone=UTC -c idle_in_transaction_session_timeout=60000"
            " -c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5"
            " -c tcp_keepalives_count=3 -c tcp_user_timeout=25000",
            "connect_timeout": 5,
            # A server that vanished without a word is noticed within half a minute.
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 25_000,
        },
    )


def is_too_large(error: Exception) -> bool:
    """Tell whether an error of :data:`UNAVAILABLE` says that this can never be kept."""
    state = getattr(getattr(error, "orig", error), "sqlstate", None) or ""
    return state.startswith(_LIMIT_EXCEEDED)


def is_deadlock(error: Exception) -> bool:
    """Tell whether the database ended one of two transactions that waited for each other."""
    return getattr(getattr(error, "orig", error), "sqlstate", None) == _DEADLOCK


@contextmanager
def transaction(engine: Engine | Connection) -> Iterator[Session]:
    """Open a session; commit when the block ends, roll back when it raises.

    On a connection, several transactions share it and what it holds: its advisory locks.

    Raises:
        TooLargeError: the database can never hold this.
    """
    with Session(engine, expire_on_commit=False) as session:
        try:
            yield session
            session.commit()
        except UNAVAILABLE as error:
            session.rollback()
            if is_too_large(error):
                raise TooLargeError(
                    "more than the database can hold: {error}", error=error
                ) from error
            raise
        except BaseException:
            session.rollback()
            raise


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """Open a session that only reads; whatever it changed is rolled back."""
    with Session(engine) as session:
        try:
            yield session
        finally:
            session.rollback()


def driver(session: Session) -> psycopg.Connection[Any]:
    """Give psycopg's connection under a session, within the session's transaction.

    For what has no form in SQLAlchemy: binary COPY, and many statements in one round trip.
    """
    return cast("psycopg.Connection[Any]", session.connection().connection.dbapi_connection)


def as_json(rows: Sequence[Any] | Json) -> str:
    """Encode rows (structs, by field) or one as the parameter of a ``json_to_recordset``.

    A group's rows then travel in one statement; arrays of columns take the driver longer.
    """
    return _json.encode(rows).decode()


def is_among(
    columns: Sequence[InstrumentedAttribute[Any]], keys: Collection[Sequence[Any]]
) -> ColumnElement[bool]:
    """Say that columns are one of any number of keys: each would be a parameter in ``IN``.

    Of parameters a statement has 65,535 at most; the driver takes more for a lost server.
    """
    lists = [
        func.unnest(literal([key[n] for key in keys], ARRAY(column.type)))
        for n, column in enumerate(columns)
    ]
    return tuple_(*columns).in_(select(*lists))


def within(column: InstrumentedAttribute[int], keys: Collection[int] | None) -> ColumnElement[bool]:
    """Say that a column is one of any number of keys; None: whatever it is."""
    if keys is None:
        return true()
    return column == any_(literal(sorted(keys), ARRAY(BigInteger)))


def try_lock(session: Session, key: int) -> bool:
    """Take an advisory lock that lasts as long as the connection; False when another has it."""
    return bool(session.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": key}))


def hold_lock(session: Session, key: int) -> None:
    """Wait for an advisory lock, and hold it until the transaction ends."""
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})


def now() -> datetime:
    """Give our clock, in UTC."""
    return datetime.now(UTC)


def from_millis(at: int) -> datetime:
    """Turn the wire's epoch milliseconds into a UTC time."""
    return datetime.fromtimestamp(at / 1000, UTC)


def to_millis(at: datetime) -> int:
    """Turn a time into the wire's epoch milliseconds."""
    return round(at.timestamp() * 1000)
