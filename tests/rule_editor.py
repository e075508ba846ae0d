"""A rule to edit, and an administrator who does so without a screen, for tests of rules as rows."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from anju_platform.auth.actor import Actor
from anju_platform.auth.model import Role, User
from anju_platform.database import transaction
from anju_platform.registry.model import Community
from anju_platform.rulebook import overview, service
from anju_platform.rulebook.proof import prove

HEAT = """\
# somebody wrote this by hand
id: heat
title: {zh: 过热, en: Too hot}
icon: temperature
severity: 3
models: [climate]
when: m.temperature > params.most
params: {most: 35}
notify: [property]
tests:
  - name: hot
    given: [{t: 0, values: {temperature: 80}}]
    expect: [{t: 0, kind: active, severity: 3}]
    until: 20m
  - name: not so hot
    given: [{t: 0, values: {temperature: 20}}]
    expect: []
"""
HEATED = "SELECT condition, rule_version, severity FROM alerts WHERE rule_id = 'heat'"


def hot(most: int = 35, extra: str = "", after: str = "0") -> str:
    """Give the rule with another limit, more keys, and the time after which it rings."""
    ring = "t: 0, kind: active"
    return HEAT.replace("most: 35", f"most: {most}").replace(ring, f"t: {after}, kind: active") + (
        extra if after == "0" else f"{extra}for: {after}\n"
    )


def add_person(engine: Engine, username: str, community: str, role: Role = Role.ADMIN) -> Actor:
    """Add somebody to a community and let them act."""
    with transaction(engine) as session:
        community_id = session.scalars(
            select(Community.id).where(Community.slug == community)
        ).one()
        user = User(
            username=username,
            name=username.title(),
            role=role,
            community_id=community_id,
            password_hash="x",
        )
        session.add(user)
        session.flush()
        return Actor(
            user_id=user.id,
            username=username,
            name=user.name,
            role=role,
            community_id=community_id,
            locale="zh",
            session_csrf="",
            token_hash="",
        )


@dataclass(frozen=True)
class Editor:
    """What an administrator does, as the endpoints do it."""

    engine: Engine
    actor: Actor

    def create(self, text: str = HEAT) -> str:
        with transaction(self.engine) as session:
            return service.create(session, self.actor, text=text, note="")

    def put_in_force(self, text: str = HEAT) -> None:
        """Make a rule and activate its first version."""
        self.activate(self.create(text), 1)

    def save(self, rule_id: str, text: str) -> int:
        with transaction(self.engine) as session:
            based_on = self._latest(session, rule_id)
            service.save(session, self.actor, rule_id, text=text, note="", based_on=based_on)
            return based_on + 1

    def activate(self, rule_id: str, version: int | None, reason: str = "it is time") -> None:
        with transaction(self.engine) as session:
            service.demand_proof(
                prove(service.text_to_prove(session, self.actor, rule_id, version))
            )
            seen = self._seen(session, rule_id)
            service.activate(
                session, self.actor, rule_id, version=version, reason=reason, seen=seen
            )

    def switch_off(self, rule_id: str, reason: str = "too noisy") -> None:
        with transaction(self.engine) as session:
            seen = self._seen(session, rule_id)
            service.deactivate(session, self.actor, rule_id, reason=reason, seen=seen)

    def _latest(self, session: Session, rule_id: str) -> int:
        return overview.known_rule(session, self.actor.community_id, rule_id).latest

    def _seen(self, session: Session, rule_id: str) -> int:
        known = overview.known_rule(session, self.actor.community_id, rule_id)
        return known.activations[0].number if known.activations else 0
