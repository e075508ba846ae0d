"""SQL of rules as people made them: their versions, and what was put in force when."""

from collections.abc import Collection
from datetime import datetime

import msgspec
from sqlalchemy import Row, Select, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from anju_platform.auth.model import User
from anju_platform.database import is_among
from anju_platform.rulebook.model import RuleActivation, RuleVersion

VersionKey = tuple[int, str, int]
"""(community id, rule id, version)."""


class Activation(msgspec.Struct, frozen=True):
    """One entry of the log, with the name of who made it; see :class:`RuleActivation`."""

    community_id: int
    rule_id: str
    number: int
    version: int | None
    of_library: bool
    reason: str
    user_id: int
    by: str
    at: datetime

    @property
    def key(self) -> VersionKey | None:
        """The version it puts in force, if that is one of the community's own."""
        if self.version is None or self.of_library:
            return None
        return self.community_id, self.rule_id, self.version


class Version(msgspec.Struct, frozen=True):
    """One version as written, with the name of who made it."""

    rule_id: str
    version: int
    text: str
    note: str
    user_id: int
    by: str
    at: datetime


def _activations() -> Select[int, str, int, int | None, bool, str, int, str, datetime]:
    log = RuleActivation
    return select(
        log.community_id,
        log.rule_id,
        log.number,
        log.version,
        log.of_library,
        log.reason,
        log.made_by,
        User.name,
        log.made_at,
    ).join(User, User.id == log.made_by)


def latest_activations(
    session: Session, community_id: int | None = None, rule_id: str | None = None
) -> list[Activation]:
    """Give the last entry of every rule that has one, of one community or of all."""
    query = (
        _activations()
        .ext(distinct_on(RuleActivation.community_id, RuleActivation.rule_id))
        .order_by(RuleActivation.community_id, RuleActivation.rule_id, RuleActivation.number.desc())
    )
    if community_id is not None:
        query = query.where(RuleActivation.community_id == community_id)
    if rule_id is not None:
        query = query.where(RuleActivation.rule_id == rule_id)
    return [_activation(row) for row in session.execute(query)]


def activations(session: Session, community_id: int, rule_id: str) -> list[Activation]:
    """Give the whole log of a rule, newest first."""
    query = (
        _activations()
        .where(RuleActivation.community_id == community_id, RuleActivation.rule_id == rule_id)
        .order_by(RuleActivation.number.desc())
    )
    return [_activation(row) for row in session.execute(query)]


def _activation(row: Row[int, str, int, int | None, bool, str, int, str, datetime]) -> Activation:
    return Activation(*row)


def texts(session: Session, keys: Collection[VersionKey]) -> dict[VersionKey, str]:
    """Give the texts of versions."""
    if not keys:
        return {}
    named = RuleVersion.community_id, RuleVersion.rule_id, RuleVersion.version
    query = select(
        RuleVersion.community_id, RuleVersion.rule_id, RuleVersion.version, RuleVersion.text
    ).where(is_among(named, keys))
    return {
        (community, rule, version): text
        for community, rule, version, text in session.execute(query)
    }


def versions(session: Session, community_id: int, rule_id: str) -> list[Version]:
    """Give every version of a rule that the community made, newest first."""
    query = (
        _versions()
        .where(RuleVersion.community_id == community_id, RuleVersion.rule_id == rule_id)
        .order_by(RuleVersion.version.desc())
    )
    return [Version(*row) for row in session.execute(query)]


def latest_versions(session: Session, community_id: int) -> dict[str, Version]:
    """Give the newest version of every rule a community made, by the rule's id."""
    query = (
        _versions()
        .where(RuleVersion.community_id == community_id)
        .ext(distinct_on(RuleVersion.rule_id))
        .order_by(RuleVersion.rule_id, RuleVersion.version.desc())
    )
    return {row[0]: Version(*row) for row in session.execute(query)}


def _versions() -> Select[str, int, str, str, int, str, datetime]:
    return select(
        RuleVersion.rule_id,
        RuleVersion.version,
        RuleVersion.text,
        RuleVersion.note,
        RuleVersion.made_by,
        User.name,
        RuleVersion.made_at,
    ).join(User, User.id == RuleVersion.made_by)


def count_own(session: Session, community_id: int) -> int:
    """Count the rules a community made or overrides."""
    query = select(func.count(RuleVersion.rule_id.distinct())).where(
        RuleVersion.community_id == community_id
    )
    return session.scalar(query) or 0
