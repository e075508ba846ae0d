"""Groups of people: made, changed and removed; every change is audited."""

from collections.abc import Iterable, Mapping

from sqlalchemy.orm import Session

from anju_platform.alerts.repository import announce_all
from anju_platform.audit.service import record
from anju_platform.auth.actor import Actor
from anju_platform.auth.model import User
from anju_platform.auth.rights import Right
from anju_platform.duty import repository
from anju_platform.duty.model import PeopleGroup
from anju_platform.duty.schemas import GroupBody, GroupView, MemberView
from anju_platform.errors import ConflictError, InvalidRequestError, NotFoundError, Phrase

MOST = 100


def groups(session: Session, actor: Actor) -> tuple[GroupView, ...]:
    """Give the community's groups."""
    able = repository.able(session, actor.community_id)
    members = repository.members(session, actor.community_id)
    homes = repository.seen_homes(session, actor.community_id)
    return tuple(
        GroupView(
            id=one.id,
            target=target(one),
            name=one.name,
            members=tuple(member(user, able) for user in members.get(one.id, ())),
            used_by=tuple(repository.plans_with(session, actor.community_id, target(one))),
            homes=homes.get(one.id, 0),
        )
        for one in repository.groups(session, actor.community_id)
    )


def add(session: Session, actor: Actor, body: GroupBody) -> tuple[GroupView, ...]:
    """Make a group; gives all of them.

    Raises:
        ConflictError: there is one of that name.
        InvalidRequestError: it would name nobody, or somebody who cannot be called.
    """
    actor.demand(Right.KEEP_ROTA)
    known = repository.groups(session, actor.community_id)
    if len(known) >= MOST:
        raise InvalidRequestError("a community has at most {most} groups", most=MOST)
    _demand_free(known, body.name)
    made = PeopleGroup(community_id=actor.community_id, name=body.name)
    session.add(made)
    session.flush()
    _set(session, actor, made, body)
    record(session, actor, "group.added", target(made), body.model_dump(mode="json"))
    return groups(session, actor)


def change(session: Session, actor: Actor, group_id: int, body: GroupBody) -> tuple[GroupView, ...]:
    """Change a group's name and members; what is called or read from now on goes by it.

    Raises:
        NotFoundError: no such group.
        ConflictError: another has that name.
        InvalidRequestError: it would name nobody, or somebody who cannot be called.
    """
    actor.demand(Right.KEEP_ROTA)
    found = _locked(session, actor, group_id)
    others = [one for one in repository.groups(session, actor.community_id) if one.id != group_id]
    _demand_free(others, body.name)
    before = [user.id for user in repository.members(session, actor.community_id)[group_id]]
    found.name = body.name
    _set(session, actor, found, body)
    said = {**body.model_dump(mode="json"), "before": before}
    record(session, actor, "group.changed", target(found), said)
    left = set(before) - set(body.members)
    sensors = [("device", slug) for slug in repository.seen_sensors(session, group_id)]
    if (
        left and sensors
    ):  # who left and has one of them on a screen looks again, and sees it no more
        announce_all(session, actor.community_id, sensors)
    return groups(session, actor)


def remove(session: Session, actor: Actor, group_id: int) -> None:
    """Remove a group that no plan names and that sees nothing of a home.

    A no that was said to a group goes with it: nobody is in it any more.

    Raises:
        NotFoundError: no such group.
        ConflictError: a plan names it, or somebody agreed that it sees what sensors say.
    """
    actor.demand(Right.KEEP_ROTA)
    found = _locked(session, actor, group_id)
    demand_unused(session, actor, target(found), found.name)
    if homes := repository.seen_homes(session, actor.community_id).get(group_id):
        raise ConflictError(
            "{name} may see what sensors in {homes} homes say; let the office write down first"
            " that this is withdrawn",
            name=found.name,
            homes=homes,
        )
    repository.remove_group(session, group_id)
    record(session, actor, "group.removed", target(found), {"name": found.name})


def target(group: PeopleGroup) -> str:
    """Give how a plan names a group."""
    return f"group:{group.id}"


def demand_unused(session: Session, actor: Actor, target: str, name: str) -> None:
    """Check that no plan names what is to be removed.

    Raises:
        ConflictError: one does.
    """
    if plans := repository.plans_with(session, actor.community_id, target):
        raise ConflictError(
            "{name} is called by the plan of {plans}; change that first",
            name=name,
            plans=", ".join(plans),
        )


def demand_able(session: Session, actor: Actor, people: Iterable[int], where: Phrase) -> None:
    """Check that everybody named can be called of any alert.

    Raises:
        InvalidRequestError: somebody cannot.
    """
    strangers = set(people) - repository.able(session, actor.community_id).keys()
    if strangers:
        raise InvalidRequestError(
            "{where}: there is no person {person}, or none who may see every alert",
            where=where,
            person=min(strangers),
        )


def candidates(session: Session, actor: Actor) -> tuple[MemberView, ...]:
    """Give everybody who can be called of any alert, by role and name."""
    able = repository.able(session, actor.community_id)
    known = sorted(able.values(), key=lambda one: (one.role, one.name, one.id))
    return tuple(member(user, able) for user in known)


def member(user: User, able: Mapping[int, User]) -> MemberView:
    """Give somebody named."""
    return MemberView(id=user.id, name=user.name, role=user.role, able=user.id in able)


def _locked(session: Session, actor: Actor, group_id: int) -> PeopleGroup:
    found = repository.group(session, actor.community_id, group_id)
    if found is None:
        raise NotFoundError("there is no such group")
    return found


def _demand_free(others: Iterable[PeopleGroup], name: str) -> None:
    if any(one.name == name for one in others):
        raise ConflictError("there is a group {name!r} already", name=name)


def _set(session: Session, actor: Actor, group: PeopleGroup, body: GroupBody) -> None:
    if not body.members:
        raise InvalidRequestError("a group needs people: name one at least")
    demand_able(session, actor, body.members, Phrase("members"))
    repository.set_members(session, group.id, body.members)
