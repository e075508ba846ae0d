"""An address is proven to be the person's: by a code that is sent there and typed in.

Until then it is used all the same, for a message that may arrive is better than none; but
wherever it is said who is reached, it is said that nobody knows it of that address, ways that
are taken one after the other end with it, and letters about nothing urgent do not go there.
"""

import hashlib
import hmac
import secrets
from unicodedata import normalize

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from anju_platform.audit.service import record
from anju_platform.auth.actor import Actor
from anju_platform.database import now, transaction
from anju_platform.errors import InvalidRequestError
from anju_platform.notifications import addresses, listing, trying
from anju_platform.notifications.model import Kind
from anju_platform.notifications.outside.carriers.carrier import Message
from anju_platform.notifications.outside.carrying import Carriers
from anju_platform.notifications.schemas import Tried

MOST_TRIES = 5
"""So often may a code be typed in; of a million codes that finds one in 200,000 times."""
_TEXT = {
    "zh": "验证码 {code}，15 分钟内有效。请在“我的通知方式”页输入。不是您本人操作请忽略。",
    "en": "Your code is {code}, good for 15 minutes. Type it in at 'How I am reached'."
    " If you did not ask for it, do nothing.",
}
_TITLE = {"zh": "验证您的联系方式", "en": "Prove this address"}


def send_code(engine: Engine, carriers: Carriers, actor: Actor, address_id: int, url: str) -> Tried:
    """Send a code to a mailbox or telephone of the actor's, by a channel that speaks to it.

    A call only where there is no other way to a telephone.

    Raises:
        NotFoundError: the actor has no such address, or no channel speaks to it.
        InvalidRequestError: it is a browser: its first receipt proves it.
        TooManyAttemptsError: one was sent just now, or too many were today.
    """
    code = f"{secrets.randbelow(1_000_000):06}"
    with transaction(engine) as session:
        channel, address = trying.speaking(session, actor, address_id, unless=Kind.VOICE)
        if address.kind == listing.PUSH:
            raise InvalidRequestError("a browser needs no code: try it, and it proves itself")
        trying.demand_room(session, actor)
        trying.take_turn(session, channel, address)
        listing.add_code(
            session, actor.user_id, address_id, _hash_of(address_id, code), addresses.GOOD_FOR
        )
        record(session, actor, "address.code_sent", f"address:{address_id}", {})
    language = actor.locale if actor.locale in _TEXT else "zh"
    spoken = ", ".join(code) if channel.kind == Kind.VOICE else code
    message = Message(
        title=_TITLE[language],
        body=_TEXT[language].format(code=spoken),
        language=language,
        severity=3,
        tag="code",
        url=f"{url.rstrip('/')}/me",
        receipt_url=f"{url.rstrip('/')}/api/v1/receipts/code-{secrets.token_urlsafe(8)}",
        good_for_s=round(addresses.GOOD_FOR.total_seconds()),
    )
    return trying.say(engine, carriers, message, channel=channel, address=address)


def _hash_of(address_id: int, code: str) -> str:
    return hashlib.sha256(f"{address_id}:{code}".encode()).hexdigest()


_WRONG = "that is not the code; look at the newest message"
_OVER = "the code is no longer good; have another one sent"


def prove(engine: Engine, actor: Actor, address_id: int, code: str) -> None:
    """Take the code that was typed in; the address is then known to be the actor's.

    Raises:
        NotFoundError: the actor has no such address.
        InvalidRequestError: it is not the code, or no longer; the try counts.
    """
    with transaction(engine) as session:  # a wrong try is written down, so it ends well
        fault = _judge(session, actor, address_id, code)
    if fault is not None:
        raise fault


def _judge(
    session: Session, actor: Actor, address_id: int, code: str
) -> InvalidRequestError | None:
    address = addresses.own(session, actor, address_id)
    if address.proven_at is not None:
        return None
    sent, at = listing.last_code(session, address_id), now()
    if sent is None or sent.expires_at <= at or sent.tries >= MOST_TRIES:
        return InvalidRequestError(_OVER)
    sent.tries += 1
    typed = "".join(letter for letter in normalize("NFKC", code) if letter.isdecimal())
    if not hmac.compare_digest(sent.code_hash, _hash_of(address_id, typed)):
        return InvalidRequestError(_WRONG)
    address.proven_at = at
    session.flush()
    record(session, actor, "address.proven", f"address:{address_id}", {"kind": address.kind})
    return None
