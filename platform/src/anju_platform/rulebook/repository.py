"""SQL of the rules' stored states, and of what is added to their versions and activations."""

import gc
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

import msgspec
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from anju_platform.database import Json, as_json, driver
from anju_platform.rulebook.model import RuleActivation, RuleVersion

RULES_CHANNEL = "anju_rules"
"""NOTIFY channel; a trigger sends on it whenever other rules are put in force."""

StateKey = tuple[int, str, str]
"""(community id, rule id, entity)."""


class StoredState(msgspec.Struct, frozen=True):
    """What one rule remembers of one entity; ``due`` in epoch milliseconds."""

    key: StateKey
    state: Json
    due: int | None


_AT_ONCE = 5_000

_LOAD = """
    SELECT community_id, rule_id, entity, state::text,
        round(extract(epoch FROM due_at) * 1000)::bigint
    FROM rule_states WHERE %(only)s::bigint[] IS NULL OR community_id = ANY (%(only)s)
"""

_SAVE = """
    INSERT INTO rule_states (community_id, rule_id, entity, state, due_at)
    SELECT (key->>0)::bigint, key->>1, key->>2, state, to_timestamp(due / 1000.0)
    FROM json_to_recordset(%s) AS new (key json, state jsonb, due bigint)
    ON CONFLICT (community_id, rule_id, entity)
    DO UPDATE SET state = excluded.state, due_at = excluded.due_at
"""

_FORGET = """
    DELETE FROM rule_states USING unnest(%s::bigint[], %s::text[], %s::text[])
        AS gone (community, rule, entity)
    WHERE community_id = gone.community AND rule_id = gone.rule
        AND rule_states.entity = gone.entity
"""


def load_states(session: Session, only: Collection[int] | None = None) -> Iterator[StoredState]:
    """Give every stored state, or those of some communities, as they come.

    All of them at once would fill the memory.
    """
    decode = msgspec.json.Decoder(Json).decode
    with _uncollected(), driver(session).cursor("rule_states", binary=True) as cursor:
        cursor.itersize = _AT_ONCE
        cursor.execute(_LOAD, {"only": None if only is None else sorted(only)})
        for community, rule, entity, state, due in cursor:
            yield StoredState((community, rule, entity), decode(state), due)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Look for no garbage meanwhile: all that is made stays."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def save_states(session: Session, rows: Sequence[StoredState]) -> None:
    """Write states and their timers."""
    driver(session).execute(_SAVE, [as_json(rows)])


def forget_states(session: Session, keys: Sequence[StateKey]) -> None:
    """Delete states, with their timers."""
    driver(session).execute(_FORGET, _columns(keys))


def _columns(keys: Sequence[StateKey]) -> list[list[int] | list[str]]:
    return [[key[0] for key in keys], [key[1] for key in keys], [key[2] for key in keys]]


def add_version(session: Session, version: RuleVersion) -> bool:
    """Add a version of a rule; False when somebody else has added one of that number."""
    return _add(session, version)


def add_activation(session: Session, activation: RuleActivation) -> bool:
    """Add to the log of activations; False when somebody else has added one of that number."""
    return _add(session, activation)


def _add(session: Session, row: RuleVersion | RuleActivation) -> bool:
    """Insert a row; whoever adds the same key at the same moment is waited for, and wins."""
    columns = type(row).__table__.c
    values = {c.key: getattr(row, c.key) for c in columns}
    added = session.execute(
        insert(type(row)).values(values).on_conflict_do_nothing().returning(columns.rule_id)
    )
    return added.first() is not None
