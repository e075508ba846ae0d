"""What the demo's people do about its first alerts, so that a wall shows all there is to see."""

from collections.abc import Callable

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from anju_platform.alerts import service as alerts
from anju_platform.alerts.acting import found as find
from anju_platform.alerts.model import Cause, Handling
from anju_platform.alerts.schemas import AlertView
from anju_platform.database import reading, transaction
from anju_platform.demo.furnishing.actors import act
from anju_platform.demo.furnishing.homes import belong
from anju_platform.demo.furnishing.photo import corridor
from anju_platform.demo.repository import has_acted
from anju_platform.people.model import Household

SCREEN = "demo"
_KEEP_DAYS = 30


class FirstHour:
    """Looks at the open alerts, and does each thing once, in the demo's first hour only.

    Whatever somebody has touched is left alone. That an hour was before is seen in the alerts'
    own timelines: what rings after a restart may be what somebody tries, and is theirs.
    """

    def __init__(self, engine: Engine, slug: str) -> None:
        self._engine = engine
        self._slug = slug
        self._left: dict[str, Callable[[Session, AlertView], None]] | None = None

    def look(self) -> None:
        """Do what can be done about the alerts that are open now."""
        with reading(self._engine) as session:
            guard = act(session, self._slug, "guard")
            if self._left is None:
                is_over = has_acted(session, guard.community_id, SCREEN)
                self._left = {} if is_over else self._to_do()
            found = alerts.open_alerts(session, guard) if self._left else []
        for one in found:
            if one.rule_id in self._left:
                do = self._left.pop(one.rule_id)
                if one.handling is Handling.UNACKED and not one.overlays:
                    with transaction(self._engine) as session:
                        do(session, one)

    def _to_do(self) -> dict[str, Callable[[Session, AlertView], None]]:
        return {
            "door-held-open": self._take_on_with_photo,
            "camera-blocked": self._put_aside,
            "door-forced": self._send,
            "lift-ebike": self._close,
            "fire-lane": self._take_on,
            "sos-pressed": self._belong,
        }

    def _take_on(self, session: Session, one: AlertView) -> None:
        guard = act(session, self._slug, "guard")
        alerts.acknowledge(session, guard, one.id, version=one.version, screen=SCREEN)
        alerts.comment(session, guard, one.id, screen=SCREEN, text="已致电车主，十分钟内移车")

    def _take_on_with_photo(self, session: Session, one: AlertView) -> None:
        guard = act(session, self._slug, "guard2")
        alerts.acknowledge(session, guard, one.id, version=one.version, screen=SCREEN)
        photo = alerts.Photo(corridor(), _KEEP_DAYS)
        said = "搬家公司把门垫住了，已取走垫块，门能关严"
        alerts.comment(session, guard, one.id, screen=SCREEN, text=said, photo=photo)

    def _put_aside(self, session: Session, one: AlertView) -> None:
        office = act(session, self._slug, "property")
        alerts.shelve(
            session,
            office,
            one.id,
            minutes=90,
            reason="外墙清洗，吊篮挡住镜头，预计一个半小时",
            version=one.version,
            screen=SCREEN,
        )

    def _send(self, session: Session, one: AlertView) -> None:
        guard, sent = act(session, self._slug, "guard"), act(session, self._slug, "guard3")
        alerts.dispatch(
            session, guard, one.id, user_id=sent.user_id, version=one.version, screen=SCREEN
        )

    def _close(self, session: Session, one: AlertView) -> None:
        guard = act(session, self._slug, "guard")
        alerts.close(
            session,
            guard,
            one.id,
            version=one.version,
            cause=Cause.TRUE,
            note="已劝离，车停 2 号充电棚",
            screen=SCREEN,
        )

    def _belong(self, session: Session, one: AlertView) -> None:
        """Take it on, and let the second family belong to that home: theirs is the state."""
        guard = act(session, self._slug, "guard")
        alerts.acknowledge(session, guard, one.id, version=one.version, screen=SCREEN)
        home = session.get(Household, find(session, guard, one.id).household_id)
        if home is not None:
            belong(session, home.slug)
