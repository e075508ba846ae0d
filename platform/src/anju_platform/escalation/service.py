"""What administrators decide about plans; every change is audited."""

import msgspec
from sqlalchemy.orm import Session

from anju_platform.alerts.policy import DEFAULTS, Policy, check, read
from anju_platform.audit.service import record
from anju_platform.auth.actor import Actor
from anju_platform.database import Json, now
from anju_platform.duty import repository as duty
from anju_platform.errors import InvalidRequestError, NotFoundError
from anju_platform.escalation import repository
from anju_platform.escalation.schemas import PolicyText, PolicyView
from anju_platform.registry.repository import place_id


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
    session: Session, actor: Actor, severity: int, place: str | None, text: PolicyText
) -> tuple[PolicyView, ...]:
    """Put a plan in force for alerts that begin from now on; gives all plans.

    Raises:
        InvalidRequestError: it tells nobody, or not in order.
        NotFoundError: no such place in the actor's community.
    """
    policy = msgspec.convert(text.model_dump(), Policy)
    check(policy, severity)
    _demand_people(session, actor, policy)
    place_id = _place(session, actor, place)
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
    record(session, actor, "escalation.changed", f"escalation:P{severity}", said)
    return plans(session, actor)


def remove(
    session: Session, actor: Actor, severity: int, place: str | None
) -> tuple[PolicyView, ...]:
    """Go back to the plan around it: the community's, else the product's own; gives all plans.

    Raises:
        NotFoundError: there is no such plan, or no such place.
    """
    place_id = _place(session, actor, place)
    before = repository.policy_for(session, actor.community_id, severity, place_id)
    if not repository.remove(session, actor.community_id, severity, place_id):
        raise NotFoundError(f"there is no plan of yours for P{severity} there")
    after = repository.policy_for(session, actor.community_id, severity, place_id)
    said = _said(place, before, after)
    record(session, actor, "escalation.removed", f"escalation:P{severity}", said)
    return plans(session, actor)


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
                    f"step {number} tells {target}: there is no such {_WHAT[target[0]]}, or none"
                    " who may see every alert"
                )


_WHAT = {"u": "person", "g": "group", "r": "rota"}


def _place(session: Session, actor: Actor, slug: str | None) -> int | None:
    if slug is None:
        return None
    found = place_id(session, actor.community_id, slug)
    if found is None:
        raise NotFoundError(f"there is no place {slug!r}")
    return found


def _said(place: str | None, before: Policy | None, after: Policy | None) -> Json:
    """Give what the audit keeps: the plan that was there and the one that is (none: ours)."""
    return {
        "place": place,
        "before": msgspec.to_builtins(before),
        "after": msgspec.to_builtins(after),
    }
