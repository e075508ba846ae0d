"""What a provider's limit held back is told together, once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from outer_site import Site
from reached_site import Reached
from sinks import MailServer
from sqlalchemy import update

from anju_platform.alerts.model import Alert
from anju_platform.database import now, transaction
from anju_platform.notifications import addresses, letters
from anju_platform.notifications.held_back import tell_together
from anju_platform.notifications.model import Address, Delivery, Kind
from anju_platform.notifications.schemas import AddressBody


@pytest.fixture
def mail(reached: Reached, monkeypatch: pytest.MonkeyPatch) -> Iterator[MailServer]:
    """A guard's proven mailbox, whose provider takes one letter a minute; it is day."""
    monkeypatch.setattr(letters, "DAY_BEGINS", 0)
    monkeypatch.setattr(letters, "DAY_ENDS", 48)
    server = MailServer()
    reached.channel("mail", Kind.EMAIL, server.url, per_minute=1)
    with transaction(reached.site.engine) as session:
        addresses.add(
            session, reached.site.actor(), AddressBody(kind="email", target="g@example.org")
        )
        session.execute(update(Address).values(proven_at=now()))
    yield server
    server.stop()


def held_for(site: Site, minutes: int) -> None:
    with transaction(site.engine) as session:
        past = timedelta(minutes=minutes)
        session.execute(update(Delivery).values(held_at=Delivery.held_at - past))


def storm(reached: Reached, severity: int = 3) -> None:
    """Let five alerts of no place come at once; one message leaves, the others are held back."""
    for title in ("门未关", "门未关", "设备失联", "设备失联", "设备失联"):
        reached.rings(severity, title=title, title_en=title, place_id=None)
    reached.later(11)
    reached.turn()


def test_what_a_limit_holds_is_told_in_one_letter(
    reached: Reached, site: Site, mail: MailServer
) -> None:
    storm(reached)
    assert tell_together(site.engine) == 0  # they may still have their turn
    held_for(site, 3)
    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(tell_together, [site.engine] * 4)) == 1
    assert tell_together(site.engine) == 0
    states = [state for _, state in reached.states()]
    assert states == ["accepted", *["cancelled"] * 4, "queued"]
    reached.later(61)
    reached.turn()
    assert len(mail.letters) == 2
    assert mail.letters[1]["Subject"] == "有 4 条消息合并发送"
    assert "设备失联 ×3、门未关。" in mail.letters[1].get_content()
    assert "/alerts" in mail.letters[1].get_content()
    assert reached.states()[-1] == ("mail", "accepted")


def test_what_is_urgent_waits_for_its_turn(reached: Reached, site: Site, mail: MailServer) -> None:
    storm(reached, severity=2)
    held_for(site, 30)
    assert tell_together(site.engine) == 0
    reached.later(61)
    reached.turn()
    assert len(mail.letters) == 2
    assert "P2" in mail.letters[1]["Subject"]


def test_one_that_waits_is_said_by_itself_and_one_that_is_too_late_is_told(
    reached: Reached, site: Site, mail: MailServer
) -> None:
    reached.rings(3, title="门未关", place_id=None)
    reached.rings(3, title="设备失联", place_id=None)
    reached.later(11)
    reached.turn()
    held_for(site, 30)
    assert tell_together(site.engine) == 0
    with transaction(site.engine) as session:
        session.execute(update(Delivery).values(expires_at=now() - timedelta(seconds=1)))
    reached.later(61)
    reached.turn()
    assert [state for _, state in reached.states()] == ["accepted", "expired"]
    assert tell_together(site.engine) == 1
    assert tell_together(site.engine) == 0
    reached.later(61)
    reached.turn()
    assert "设备失联。" in mail.letters[1].get_content()


def test_who_heard_it_on_another_way_is_not_told_again(
    reached: Reached, site: Site, mail: MailServer
) -> None:
    storm(reached)
    held_for(site, 3)
    with transaction(site.engine) as session:  # a browser had them all
        session.execute(update(Delivery).values(delivered_at=now()))
    assert tell_together(site.engine) == 0
    assert len(mail.letters) == 1


def test_who_has_nothing_proven_keeps_waiting_for_each(
    reached: Reached, site: Site, mail: MailServer
) -> None:
    with transaction(site.engine) as session:
        session.execute(update(Address).values(proven_at=None))
    storm(reached)
    held_for(site, 3)
    assert tell_together(site.engine) == 0
    reached.later(61)
    reached.turn()
    assert len(mail.letters) == 2


@pytest.mark.usefixtures("mail")
def test_near_the_end_of_the_day_each_is_said_by_itself(
    reached: Reached, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    storm(reached)
    held_for(site, 3)
    at = now()
    monkeypatch.setattr(letters, "DAY_BEGINS", 8)
    monkeypatch.setattr(letters, "DAY_ENDS", 21)
    today = at.astimezone(ZoneInfo("Asia/Shanghai"))
    late = [today.replace(hour=hour, minute=1) + timedelta(days=1) for hour in (20, 22)]
    assert [tell_together(site.engine, one) for one in late] == [0, 0]
    assert tell_together(site.engine, today.replace(hour=19, minute=59) + timedelta(days=1)) == 1
    (letter,) = (one for one in reached.deliveries() if one.letter_id is not None)
    assert letter.expires_at - letter.next_attempt_at == timedelta(hours=4)


@pytest.mark.usefixtures("mail")
@pytest.mark.parametrize("handling", ["acked", "closed"])
def test_what_somebody_has_or_is_closed_is_told_together_with_nothing(
    reached: Reached, site: Site, handling: str
) -> None:
    storm(reached)
    held_for(site, 3)
    with transaction(site.engine) as session:
        session.execute(update(Alert).values(handling=handling))
    assert tell_together(site.engine) == 0
