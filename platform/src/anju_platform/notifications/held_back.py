"""What a provider's limit held back is told together, once, when there is room again.

Only what is of little weight: what is urgent waits for its turn and is then said by itself.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from anju_platform.auth.model import Role, User
from anju_platform.database import now, transaction
from anju_platform.notifications import letters, repository
from anju_platform.notifications.letters import Text
from anju_platform.notifications.model import Delivery, DeliveryState
from anju_platform.registry.model import Community

KIND = "held_back"
PATIENCE = timedelta(minutes=2)
"""What a limit holds for longer is told together."""
DAY_LEFT = timedelta(hours=1)
"""With less of the day left a letter might wait for the next: then each is said by itself."""
GOOD_FOR = timedelta(hours=4)
"""A letter waits for its turn so long at least; it is worth what it tells of."""
LEAST = 3
_ENOUGH = 2
"""One that still waits is better said by itself."""
_NAMED = 5
_AT_ONCE = 2000
_TOGETHER = "held back by the provider's limit; told together with others"
_TITLE = {"zh": "有 {n} 条消息合并发送", "en": "{n} messages, told together"}
_BODY = {
    "zh": "通知渠道限流，以下消息没有逐条发送：{what}{more}。",
    "en": "The provider's limit held these back: {what}{more}.",
}
_MORE = {"zh": " 等", "en": " and more"}
_COMMA = {"zh": "、", "en": ", "}


@dataclass(slots=True)
class _Held:
    """What was held back of a person's; ``late`` tells that some of it is too late by now."""

    deliveries: list[Delivery] = field(default_factory=list)
    titles: dict[int, tuple[str, str]] = field(default_factory=dict)
    late: bool = False


def tell_together(engine: Engine, at: datetime | None = None) -> int:
    """Write a letter to each person of whose messages too many wait; gives how many letters.

    They are taken out of the queue in the transaction that writes the letter: each is told once.
    """
    moment = at or now()
    with transaction(engine) as session:
        people: dict[tuple[int, int], _Held] = {}
        for one, title, title_en in repository.held_back(
            session, moment - PATIENCE, LEAST, _AT_ONCE
        ):
            held = people.setdefault((one.community_id, one.user_id or 0), _Held())
            held.deliveries.append(one)
            held.titles[one.notification_id or 0] = (title, title_en)
            held.late |= one.state == DeliveryState.EXPIRED
        return sum(
            _tell(session, community_id, user_id, held, moment)
            for (community_id, user_id), held in people.items()
            if held.late or len(held.titles) >= _ENOUGH
        )


def _tell(session: Session, community_id: int, user_id: int, held: _Held, at: datetime) -> bool:
    user = session.get_one(User, user_id)
    zone = ZoneInfo(session.get_one(Community, community_id).timezone)
    if not letters.is_day_for(DAY_LEFT, at, zone):
        return False
    is_reached = bool(letters.ways_of(session, community_id, user_id))
    if is_reached:
        letters.send(
            session,
            kind=KIND,
            community_id=community_id,
            user_id=user_id,
            text=_text(list(held.titles.values()), user),
            at=at,
            zone=zone,
            least=GOOD_FOR,
        )
    for one in held.deliveries:
        if is_reached and one.state == DeliveryState.QUEUED:
            one.state, one.error = DeliveryState.CANCELLED, _TOGETHER
        if is_reached or one.state == DeliveryState.EXPIRED:
            one.held_at = (
                None  # dealt with; what waits for a way that is not proven goes on waiting
            )
    session.flush()
    return is_reached


def _text(titles: Sequence[tuple[str, str]], user: User) -> Text:
    zh = user.locale != "en"
    language = "zh" if zh else "en"
    counts = Counter((name if zh else name_en) for name, name_en in titles)
    named = [f"{name} ×{n}" if n > 1 else name for name, n in counts.most_common(_NAMED)]
    return Text(
        title=_TITLE[language].format(n=len(titles)),
        body=_BODY[language].format(
            what=_COMMA[language].join(named),
            more=_MORE[language] if len(counts) > _NAMED else "",
        ),
        path="/family" if user.role == Role.FAMILY else "/alerts",
    )
