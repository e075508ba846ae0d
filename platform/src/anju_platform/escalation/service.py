"""What administrators decide about plans; every change is audited."""

import msgspec
from sqlalchemy.orm import Session

from anju_platform.alerts.policy import DEFAULTS, Policy, check, read
from anju_platform.audit.repository import AuditFilter, entries
from anju_platform.audit.service import record
from anju_platform.auth.actor import Actor
from anju_platform.database import Json, now
from anju_platform.duty import repository as duty
from anju_platform.errors import ConflictError, InvalidRequestError, NotFoundError, Phrase
from anju_platform.escalation import repository
from anju_platform.escalation.schemas import PlanChange, PolicyText, PolicyView
from anju_platform.registry.places.service import find_place

CHANGED, REMOVED = "escalation.changed", "escalation.removed"
_LATELY = 50


def plans(session: Session, actor: Actor) -> tuple[PolicyView, ...]:
    """Give the plan of each severity, and those of single places."""
    found = [
        PolicyView(
            severity=one.severity,
            place=place,
            policy=_text(read(one.policy) or DEFAULTS[one.severity]),
            ours=True,
            changed_at=one.changed_at,
        )
        for one, place in repository.policies(session, actor.community_id)
    ]
    everywhere = {one.severity for one in found if one.place is None}
    found += [
        PolicyView(
            severity=severity,
            place=None,
            policy=_text(policy),
            ours=False,
            changed_at=None,
        )
        for severity, policy in DEFAULTS.items()
        if severity not in everywhere
    ]
    return tuple(sorted(found, key=lambda one: (one.severity, one.place or "")))


def put(
    session: Session,
    actor: Actor,
    severity: int,
    place: str | None,
    text: PolicyText,
    *,
    seen: str | None = None,
) -> tuple[PolicyView, ...]:
    """Put a plan in force for alerts that begin from now on; gives all plans.

    ``seen`` is when the plan that was looked at was changed last (empty: there was none).

    Raises:
        ConflictError: it was changed since.
        InvalidRequestError: it tells nobody, or not in order.
        NotFoundError: no such place in the actor's community.
    """
    policy = msgspec.convert(text.model_dump(), Policy)
    check(policy, severity)
    _demand_people(session, actor, policy)
    place_id = find_place(session, actor, place)
    own = repository.stored(session, actor.community_id, severity, place_id)
    if seen is not None and seen != (own.changed_at.isoformat() if own else ""):
        raise ConflictError("somebody has changed this plan since you looked; look again")
    before = repository.policy_for(session, actor.community_id, severity, place_id)
    repository.put(
        session,
        actor.community_id,
        severity,
        place_id,
        policy,
        at=now(),
        user_id=actor.user_id,
    )
    said = _said(place, before, policy)
    record(session, actor, CHANGED, f"escalation:P{severity}", said)
    return plans(session, actor)


def remove(
    session: Session, actor: Actor, severity: int, place: str | None
) -> tuple[PolicyView, ...]:
    """Go back to the plan around it: the community's, else the product's own; gives all plans.

    Raises:
        NotFoundError: there is no such plan, or no such place.
    """
    place_id = find_place(session, actor, place)
    before = repository.policy_for(session, actor.community_id, severity, place_id)
    if not repository.remove(session, actor.community_id, severity, place_id):
        raise NotFoundError("there is no plan of yours for P{severity} there", severity=severity)
    after = repository.policy_for(session, actor.community_id, severity, place_id)
    said = _said(place, before, after)
    record(session, actor, REMOVED, f"escalation:P{severity}", said)
    return plans(session, actor)


def changes(session: Session, actor: Actor) -> tuple[PlanChange, ...]:
    """Give who changed which plan, the latest first."""
    found = [
        one
        for action in (CHANGED, REMOVED)
        for one in entries(session, actor.community_id, AuditFilter(action=action), limit=_LATELY)
    ]
    found.sort(key=lambda one: one.id, reverse=True)
    return tuple(
        PlanChange(
            at=one.at,
            by=one.actor,
            severity=int(one.subject.removeprefix("escalation:P")),
            place=one.data.get("place"),
            removed=one.action == REMOVED,
            before=_readable(one.data.get("before")),
            after=_readable(one.data.get("after")),
        )
        for one in found[:_LATELY]
    )


def _readable(stored: Json | None) -> PolicyText | None:
    policy = read(stored) if stored else None
    return None if policy is None else _text(policy)


def _text(policy: Policy) -> PolicyText:
    return PolicyText.model_validate(msgspec.to_builtins(policy))


def _demand_people(session: Session, actor: Actor, policy: Policy) -> None:
    """Check that whoever a plan names is there, and may see every alert it may be about."""
    known = {
        *(f"user:{user}" for user in duty.able(session, actor.community_id)),
        *(f"group:{one.id}" for one in duty.groups(session, actor.community_id)),
        *(f"rota:{one.id}" for one in duty.rotas(session, actor.community_id)),
    }
    for number, step in enumerate(policy.steps, start=1):
        for target in step.to:
            if target.startswith(("user:", "group:", "rota:")) and target not in known:
                raise InvalidRequestError(
                    "{where} tells {target}: there is no such {kind}, or none who may see"
                    " every alert",
                    where=Phrase("step {n}", n=number),
                    target=target,
                    kind=_WHAT[target[0]],
                )


_WHAT = {"u": Phrase("person"), "g": Phrase("group"), "r": Phrase("rota")}


def _said(place: str | None, before: Policy | None, after: Policy | None) -> Json:
    """Give what the audit keeps: the plan that was there and the one that is (none: ours)."""
    return {
        "place": place,
        "before": msgspec.to_builtins(before),
        "after": msgspec.to_builtins(after),
    }
