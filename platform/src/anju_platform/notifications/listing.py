"""SQL of channels and addresses: what a community has, and where a person is reached."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from anju_platform.auth.model import User
from anju_platform.database import Json, now
from anju_platform.notifications.contacts import plain_phone
from anju_platform.notifications.model import (
    Address,
    AddressCode,
    Channel,
    Delivery,
    Kind,
    Letter,
)
from anju_platform.people.model import Contact

PUSH = "push"
"""The slug of the channel that every community has."""


def channels(session: Session, community_id: int) -> list[Channel]:
    """Give a community's channels in the order of trying."""
    query = (
        select(Channel)
        .where(Channel.community_id == community_id, Channel.removed_at.is_(None))
        .order_by(Channel.position, Channel.id)
    )
    return list(session.scalars(query))


def channel(
    session: Session, community_id: int, slug: str, *, for_update: bool = False
) -> Channel | None:
    """Find a channel."""
    query = select(Channel).where(
        Channel.community_id == community_id, Channel.slug == slug, Channel.removed_at.is_(None)
    )
    if for_update:
        query = query.with_for_update(key_share=True)
    return session.scalars(query).one_or_none()


def last_position(session: Session, community_id: int) -> int:
    """Give the position of a community's last channel."""
    query = select(func.max(Channel.position)).where(Channel.community_id == community_id)
    return session.scalar(query) or 0


def provide_push(session: Session, community_id: int) -> None:
    """Let a community have its push channel: the first one, for it costs nothing."""
    values = {"slug": PUSH, "kind": Kind.PUSH, "name": "推送", "url": "", "roles": []}
    session.execute(
        insert(Channel)
        .values(
            community_id=community_id, position=0, recent=[], failures=0, enabled=True, **values
        )
        .on_conflict_do_nothing()
    )


def addresses(session: Session, user_id: int) -> list[Address]:
    """Give where a person is reached, the oldest first."""
    query = (
        select(Address)
        .where(Address.user_id == user_id, Address.removed_at.is_(None))
        .order_by(Address.id)
    )
    return list(session.scalars(query))


def on_screens_only(session: Session, community_id: int) -> list[str]:
    """Give the names of those of a community whom nothing outside reaches."""
    live = select(Address.id).where(
        Address.user_id == User.id, Address.removed_at.is_(None), Address.gone_at.is_(None)
    )
    query = select(User.name).where(
        User.community_id == community_id, User.disabled.is_(False), ~live.exists()
    )
    return list(session.scalars(query.order_by(User.name, User.id)))


def unproven(session: Session, community_id: int) -> list[str]:
    """Give the names of those of a community who have addresses, and none that is proven."""
    live = (Address.user_id == User.id, Address.removed_at.is_(None), Address.gone_at.is_(None))
    query = select(User.name).where(
        User.community_id == community_id,
        User.disabled.is_(False),
        select(Address.id).where(*live).exists(),
        ~select(Address.id).where(*live, Address.proven_at.is_not(None)).exists(),
    )
    return list(session.scalars(query.order_by(User.name, User.id)))


def has_proven(session: Session, user_id: int) -> bool:
    """Tell whether a person has an address that works and is proven to be theirs."""
    query = select(Address.id).where(
        Address.user_id == user_id,
        Address.removed_at.is_(None),
        Address.gone_at.is_(None),
        Address.proven_at.is_not(None),
    )
    return session.scalars(query.limit(1)).first() is not None


def codes_sent(session: Session, user_id: int, since: datetime) -> list[AddressCode]:
    """Give what was sent to a person's mailboxes and telephones since then, the oldest first."""
    query = (
        select(AddressCode)
        .join(Address, Address.id == AddressCode.address_id)
        .where(AddressCode.user_id == user_id, AddressCode.sent_at >= since, Address.kind != PUSH)
        .order_by(AddressCode.id)
    )
    return list(session.scalars(query))


def add_code(
    session: Session, user_id: int, address_id: int, code_hash: str, good_for: timedelta
) -> None:
    """Note that something is sent to an address to prove it; what is good for no time is a test."""
    at = now()
    values = {"user_id": user_id, "address_id": address_id, "code_hash": code_hash}
    session.add(AddressCode(**values, sent_at=at, expires_at=at + good_for, tries=0))
    session.flush()


def last_code(session: Session, address_id: int) -> AddressCode | None:
    """Give the code that was sent last to prove an address; it is locked."""
    query = (
        select(AddressCode)
        .where(AddressCode.address_id == address_id, AddressCode.expires_at > AddressCode.sent_at)
        .order_by(AddressCode.id.desc())
        .limit(1)
        .with_for_update()
    )
    return session.scalars(query).one_or_none()


def prove_by_word(session: Session, word_hash: str, at: datetime) -> bool:
    """Note that a browser has the secret word it was sent; gives whether there is such a word."""
    wanted = select(AddressCode.address_id).where(
        AddressCode.code_hash == word_hash, AddressCode.expires_at > at
    )
    proven = (
        update(Address)
        .where(Address.id.in_(wanted), Address.kind == PUSH, Address.removed_at.is_(None))
        .values(proven_at=func.coalesce(Address.proven_at, at))
        .returning(Address.id)
        .execution_options(synchronize_session=False)
    )
    return session.scalar(proven) is not None


def prune_codes(session: Session, before: datetime) -> None:
    """Forget what was sent before that time to prove an address."""
    session.execute(delete(AddressCode).where(AddressCode.sent_at < before))


def address(session: Session, user_id: int, address_id: int) -> Address | None:
    """Find an address of a person."""
    query = select(Address).where(
        Address.user_id == user_id, Address.id == address_id, Address.removed_at.is_(None)
    )
    return session.scalars(query.with_for_update(key_share=True)).one_or_none()


def put_address(session: Session, values: Json) -> Address:
    """Add an address, or make one known already good again."""
    key = {name: values[name] for name in ("user_id", "kind", "target")}
    statement = insert(Address).values(values)
    again = {
        "keys": statement.excluded["keys"],
        "label": statement.excluded["label"],
        "gone_at": None,
    }
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["user_id", "kind", "target"],
            index_where=Address.removed_at.is_(None),
            set_=again | {"error": None},
        )
    )
    query = select(Address).filter_by(**key, removed_at=None)
    return session.scalars(query.execution_options(populate_existing=True)).one()


def take_from_others(session: Session, user_id: int, endpoint: str, at: datetime) -> None:
    """Let a browser that somebody else logged in to tell that person no more."""
    session.execute(
        update(Address)
        .where(
            Address.kind == "push",
            Address.target == endpoint,
            Address.user_id != user_id,
            Address.removed_at.is_(None),
        )
        .values(removed_at=at, target="", keys=None)
    )


def forget_gone_phones(session: Session, household_ids: Iterable[int], at: datetime) -> None:
    """Forget the telephones of homes that are no contact's any more; that one was told stays."""
    homes = list(household_ids)
    contacts = session.scalars(select(Contact).where(Contact.household_id.in_(homes)))
    called = {(one.household_id, plain_phone(one.phone) or "") for one in contacts}
    query = select(Address).where(Address.household_id.in_(homes), Address.removed_at.is_(None))
    for one in session.scalars(query.with_for_update()):
        if (one.household_id, one.target) not in called:
            one.removed_at, one.target, one.label = at, "", ""


def told_since(session: Session, community_id: int, since: datetime) -> dict[int, int]:
    """Give how many messages planned since then each channel has accepted."""
    message = func.coalesce(Delivery.together, Delivery.receipt)
    query = (
        select(Delivery.channel_id, func.count(message.distinct()))
        .where(
            Delivery.created_at >= since,
            Delivery.community_id == community_id,
            Delivery.accepted_at.is_not(None),
        )
        .group_by(Delivery.channel_id)
    )
    return {row[0]: row[1] for row in session.execute(query)}


def last_letter(session: Session, user_id: int, kind: str, household_id: int) -> Letter | None:
    """Give the last letter of a kind that a person was written about a home."""
    query = (
        select(Letter)
        .where(Letter.user_id == user_id, Letter.kind == kind, Letter.household_id == household_id)
        .order_by(Letter.created_at.desc())
        .limit(1)
    )
    return session.scalars(query).one_or_none()


def forget_letters(session: Session, before: datetime) -> None:
    """Delete letters written before that time, with their deliveries."""
    session.execute(delete(Letter).where(Letter.created_at < before))
