"""Ways out of the demo: a short-message gateway, people's telephones, another system, a program."""

import logging
from dataclasses import replace

from pydantic import SecretStr
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from anju_platform.accounts import programs
from anju_platform.accounts.inviting import invite, pending
from anju_platform.accounts.schemas import InvitationBody, TokenBody
from anju_platform.auth.actor import Actor
from anju_platform.auth.entering import Door, log_in
from anju_platform.auth.model import Role
from anju_platform.auth.rights import Right
from anju_platform.auth.service import Browser, log_out
from anju_platform.auth.throttle import Throttle
from anju_platform.auth.tokens import hash_token
from anju_platform.config import Settings
from anju_platform.database import transaction
from anju_platform.demo.furnishing.actors import act
from anju_platform.demo.furnishing.town import Town
from anju_platform.demo.site import MORE_PEOPLE, PEOPLE, Site
from anju_platform.errors import PlatformError
from anju_platform.notifications import addresses, channels, proving
from anju_platform.notifications.model import Kind
from anju_platform.notifications.outside.carrying import Carriers
from anju_platform.notifications.schemas import AddressBody, ChannelBody
from anju_platform.webhooks import service as webhooks
from anju_platform.webhooks.schemas import WebhookBody

_PHONES = {
    one.username: f"138000011{number:02}" for number, one in enumerate((*PEOPLE, *MORE_PEOPLE), 1)
}
_SMS, _STREET = "sms", "street"
_CODE_WITHIN_S = 10.0
_DAYS = 180

log = logging.getLogger(__name__)


def connect_out(engine: Engine, site: Site, town: Town, settings: Settings) -> None:
    """Make the channel, the webhooks, a token and an invitation; or lead them to the town anew."""
    carriers = Carriers(engine, settings)
    with transaction(engine) as session:
        admin = act(session, site.slug, "admin")
        _channel(session, admin, carriers, town)
        _webhooks(session, admin, carriers, town)
        _invite(session, admin, settings.public_url)
    _token(engine, site)
    for username, phone in _PHONES.items():
        try:
            _telephone(engine, carriers, town, site.slug, settings.public_url, username, phone)
        except PlatformError as error:  # the others', all the same; theirs at the next start
            log.warning("%s's telephone is not proven yet: %s", username, error)


def _channel(session: Session, admin: Actor, carriers: Carriers, town: Town) -> None:
    body = ChannelBody(
        kind=Kind.SMS, name="短信网关", url=SecretStr(town.url("sms")), per_minute=600
    )
    if _SMS not in {one.slug for one in channels.channels(session, admin)}:
        channels.add(session, admin, carriers, _SMS, body)
    else:
        channels.change(session, admin, carriers, _SMS, body)


def _webhooks(session: Session, admin: Actor, carriers: Carriers, town: Town) -> None:
    street = WebhookBody(name="街道平安综治平台", url=SecretStr(town.url("street")), least=2)
    fire = WebhookBody(
        name="消防维保单位",
        url=SecretStr("https://fire-service.example/anju"),
        least=1,
        enabled=False,
    )
    known = {one.slug for one in webhooks.webhooks(session, admin)}
    for slug, body in ((_STREET, street), ("fire", fire)):
        if slug not in known:
            webhooks.add(session, admin, carriers.hosts, slug, body)
        elif slug == _STREET:
            webhooks.change(session, admin, carriers.hosts, slug, body)


def _invite(session: Session, admin: Actor, public_url: str) -> None:
    if not pending(session, admin):
        body = InvitationBody(role=Role.GRID, name="何丽", places=("b4", "b5", "b6"))
        invite(session, admin, body, public_url)


def _token(engine: Engine, site: Site) -> None:
    """Let the administrator log in, make a program's token, and go."""
    with transaction(engine) as session:
        admin = act(session, site.slug, "admin")
        if programs.own(session, admin):
            return
    password = site.passwords[admin.username]
    door = Door(engine, Throttle(), hours=1)
    entered = log_in(door, Browser(), admin.username, password)
    if entered.owes is not None:  # the visitor has given them a second factor
        return
    body = TokenBody(
        name="街道大屏",
        rights=(Right.SEE_ALERTS, Right.WATCH, Right.SEE_DEVICES),
        days=_DAYS,
        password=password,
    )
    there = replace(admin, token_hash=hash_token(entered.token))
    programs.make(door, there, body)
    with transaction(engine) as session:
        log_out(session, there)


def _telephone(  # noqa: PLR0917 - what a person, a telephone and the way to it are
    engine: Engine,
    carriers: Carriers,
    town: Town,
    slug: str,
    public_url: str,
    username: str,
    phone: str,
) -> None:
    """Let somebody give a telephone, and type in the code that is sent there.

    Whoever has addresses of their own is left alone; one whose code did not come has another.
    """
    with transaction(engine) as session:
        actor = act(session, slug, username)
        known = addresses.addresses(session, actor)
        given = next((one for one in known if one.label == phone), None)
        if given is None and not known:
            given = addresses.add(session, actor, AddressBody(kind="phone", target=phone))
    if given is None or given.proven:
        return
    if proving.send_code(engine, carriers, actor, given.id, public_url).ok:
        code = town.code_for(phone, within_s=_CODE_WITHIN_S)
        if code is not None:
            proving.prove(engine, actor, given.id, code)
