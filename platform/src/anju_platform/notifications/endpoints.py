"""HTTP of receipts, channels and addresses."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel, Field

from anju_platform.auth.actor import Actor
from anju_platform.auth.dependencies import CurrentActor, Database, PublicUrl, require
from anju_platform.auth.rights import Right
from anju_platform.database import now, reading, transaction
from anju_platform.errors import NotFoundError
from anju_platform.notifications import (
    addresses,
    channels,
    listing,
    proving,
    receipts,
    repository,
    trying,
)
from anju_platform.notifications.outside.carrying import Carriers
from anju_platform.notifications.outside.keys import public_key
from anju_platform.notifications.schemas import (
    AddressBody,
    AddressCodeBody,
    AddressView,
    ChannelBody,
    ChannelMade,
    ChannelView,
    PushBody,
    PushKey,
    Slug,
    Tried,
)

router = APIRouter(tags=["notifications"])
doorstep = APIRouter(tags=["notifications"])
"""Receipts from outside: whoever has a message has its secret word, and may say so."""


class Receipts(BaseModel):
    """Which alerts a screen shows, and whether somebody looked."""

    alerts: list[UUID] = Field(max_length=1000)
    kind: receipts.ReceiptKind
    screen: str = Field(default="api", max_length=64)


class Receipt(BaseModel):
    """How far a message has come with whoever it was sent to."""

    kind: receipts.ReceiptKind


class Settled(BaseModel):
    """How many messages that settled."""

    settled: int


def carriers(request: Request) -> Carriers:
    """Give the carriers of this process."""
    found: Carriers = request.app.state.carriers
    return found


Carrying = Annotated[Carriers, Depends(carriers)]


@router.post("/receipts")
def take(database: Database, actor: CurrentActor, body: Receipts) -> Settled:
    """Note that this person's screen shows these alerts, or that they were looked at."""
    with transaction(database) as session:
        return Settled(settled=receipts.take(session, actor, body.alerts, body.kind))


@doorstep.post("/receipts/{receipt}", status_code=204)
def take_one(
    database: Database, receipt: Annotated[str, Path(max_length=64)], body: Receipt
) -> None:
    """Note that a message sent outside was delivered or seen; its secret word is in the path."""
    is_seen = body.kind is receipts.ReceiptKind.SEEN
    with transaction(database) as session:
        if repository.take_receipt(session, receipt, now(), seen=is_seen):
            return
        if not listing.prove_by_word(session, trying.word_hash(receipt), now()):
            raise NotFoundError("there is no such message")


@router.get("/channels")
def list_channels(
    database: Database, actor: Annotated[Actor, require(Right.KEEP_CHANNELS)]
) -> list[ChannelView]:
    """Give the community's channels in the order of trying."""
    with transaction(database) as session:
        return channels.channels(session, actor)


@router.post("/channels/{slug}", status_code=201)
def add_channel(
    database: Database,
    actor: Annotated[Actor, require(Right.KEEP_CHANNELS)],
    carrying: Carrying,
    slug: Slug,
    body: ChannelBody,
) -> ChannelMade:
    """Make a channel."""
    with transaction(database) as session:
        return channels.add(session, actor, carrying, slug, body)


@router.put("/channels/{slug}")
def change_channel(
    database: Database,
    actor: Annotated[Actor, require(Right.KEEP_CHANNELS)],
    carrying: Carrying,
    slug: Slug,
    body: ChannelBody,
) -> ChannelView:
    """Change a channel."""
    with transaction(database) as session:
        return channels.change(session, actor, carrying, slug, body)


@router.delete("/channels/{slug}", status_code=204)
def remove_channel(
    database: Database, actor: Annotated[Actor, require(Right.KEEP_CHANNELS)], slug: Slug
) -> None:
    """Remove a channel, with its secrets."""
    with transaction(database) as session:
        channels.remove(session, actor, slug)


@router.post("/channels/{slug}/test")
def try_channel(
    database: Database,
    actor: Annotated[Actor, require(Right.KEEP_CHANNELS)],
    carrying: Carrying,
    url: PublicUrl,
    slug: Slug,
) -> Tried:
    """Send a test: to a robot's group, else to your own address."""
    return trying.try_channel(database, carrying, actor, slug, url)


@router.get("/me/addresses")
def list_addresses(database: Database, actor: CurrentActor) -> list[AddressView]:
    """Give where you are reached."""
    with reading(database) as session:
        return addresses.addresses(session, actor)


@router.post("/me/addresses", status_code=201)
def add_address(database: Database, actor: CurrentActor, body: AddressBody) -> AddressView:
    """Add a mailbox or a telephone of yours."""
    with transaction(database) as session:
        return addresses.add(session, actor, body)


@router.get("/me/push-key")
def push_key(_actor: CurrentActor, carrying: Carrying) -> PushKey:
    """Give what a browser subscribes to."""
    return PushKey(public_key=public_key(carrying.vapid()))


@router.post("/me/push", status_code=201)
def add_push(
    request: Request, database: Database, actor: CurrentActor, carrying: Carrying, body: PushBody
) -> AddressView:
    """Let this browser take pushes for you, and for nobody else."""
    agent = request.headers.get("user-agent", "")
    with transaction(database) as session:
        return addresses.add_push(session, actor, body, carrying.push_hosts, agent)


@router.delete("/me/addresses/{address_id}", status_code=204)
def remove_address(database: Database, actor: CurrentActor, address_id: int) -> None:
    """Remove an address of yours."""
    with transaction(database) as session:
        addresses.remove(session, actor, address_id)


@router.post("/me/addresses/{address_id}/test")
def try_address(
    database: Database, actor: CurrentActor, carrying: Carrying, url: PublicUrl, address_id: int
) -> Tried:
    """Send a test to an address of yours."""
    return trying.try_address(database, carrying, actor, address_id, url)


@router.post("/me/addresses/{address_id}/code")
def send_code(
    database: Database, actor: CurrentActor, carrying: Carrying, url: PublicUrl, address_id: int
) -> Tried:
    """Have a code sent to an address of yours; typing it in proves that it is."""
    return proving.send_code(database, carrying, actor, address_id, url)


@router.post("/me/addresses/{address_id}/proof", status_code=204)
def prove_address(
    database: Database, actor: CurrentActor, address_id: int, body: AddressCodeBody
) -> None:
    """Prove that an address is yours, by the code that was sent there."""
    proving.prove(database, actor, address_id, body.code)
