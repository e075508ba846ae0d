"""Once a week a family hears how it was: once, by day, and well only if it was."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from consented_home import say_nothing
from outer_site import Site
from own_home import HOME, all_report, moved, second_child, view
from reached_site import Reached
from sinks import MailServer
from sqlalchemy import delete, event, insert, select, text, update
from sqlalchemy.orm import Session

from anju_platform.alerts.listing import week_of_home
from anju_platform.auth.model import HomeScope, Role
from anju_platform.care import weekly
from anju_platform.care.model import WeeklyLetter
from anju_platform.care.wording import Week, text_of
from anju_platform.database import now, transaction
from anju_platform.errors import InvalidRequestError, NotFoundError
from anju_platform.notifications import addresses, letters
from anju_platform.notifications.model import Address, Delivery, Kind, Letter
from anju_platform.notifications.outside.repository import tidy
from anju_platform.notifications.schemas import AddressBody
from anju_platform.registry.model import BlindPeriod, DeviceField
from anju_platform.telemetry.model import HOURLY

ZONE = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def mail() -> Iterator[MailServer]:
    server = MailServer()
    yield server
    server.stop()


def wishes(site: Site, weekday: int = 6, hour: int = 19, **how: Any) -> None:
    with transaction(site.engine) as session:
        weekly.wish(session, how.get("actor") or site.actor(Role.FAMILY), HOME, weekday, hour)


def is_due(site: Site) -> None:
    with transaction(site.engine) as session:
        session.execute(update(WeeklyLetter).values(due_at=now() - timedelta(minutes=1)))


def has_mail(reached: Reached, mail: MailServer, *, proven: bool = True) -> None:
    reached.channel("mail", Kind.EMAIL, mail.url)
    with transaction(reached.site.engine) as session:
        actor = reached.site.actor(Role.FAMILY)
        made = addresses.add(session, actor, AddressBody(kind="email", target="d@example.org"))
        at = now() if proven else None
        session.execute(update(Address).where(Address.id == made.id).values(proven_at=at))


def by_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let it be day, whenever this runs."""
    monkeypatch.setattr(letters, "DAY_BEGINS", 0)
    monkeypatch.setattr(letters, "DAY_ENDS", 24)


def written(site: Site) -> list[Letter]:
    with Session(site.engine, expire_on_commit=False) as session:
        return list(session.scalars(select(Letter).order_by(Letter.created_at)))


def lived(site: Site, *, days: int = 7) -> None:
    """Let all report, and movement have been seen on so many of the last days."""
    all_report(site)
    device = site.device("b1-501-pir")
    midnight = now().astimezone(ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    with transaction(site.engine) as session:
        field = session.scalars(
            select(DeviceField.id).where(DeviceField.model == "pir", DeviceField.name == "motion")
        ).one()
        for day in range(1, days + 1):
            bucket = (midnight - timedelta(days=day) + timedelta(hours=9)).astimezone(UTC)
            times = dict.fromkeys(("low_at", "high_at", "last_at"), bucket)
            values = {"low": 0, "high": 1, "total": 5, "last": 0, "count": 60} | times
            of_it = {"community_id": site.community_id, "device_id": device.id, "field_id": field}
            session.execute(insert(HOURLY).values(bucket=bucket, **of_it, **values))


def said(site: Site) -> str:
    """Write what is due now and give it, title and all."""
    is_due(site)
    assert weekly.write_due(site.engine) == 1
    last = written(site)[-1]
    return f"{last.title}｜{last.body}"


# -- when ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "weekday", "hour", "then"),
    [
        ("2026-11-28T12:00", 6, 19, "2026-11-29T19:00"),  # a Saturday
        ("2026-11-29T18:59", 6, 19, "2026-11-29T19:00"),
        ("2026-11-29T19:00", 6, 19, "2026-12-06T19:00"),
        ("2026-11-29T23:30", 0, 8, "2026-11-30T08:00"),
    ],
)
def test_the_next_time_is_of_the_sites_own_week(
    after: str, weekday: int, hour: int, then: str
) -> None:
    at = datetime.fromisoformat(after).replace(tzinfo=ZONE)
    assert weekly.next_time(at.astimezone(UTC), weekday, hour, ZONE).isoformat()[:16] == then


def test_clocks_that_change_do_not_move_it() -> None:
    amsterdam = ZoneInfo("Europe/Amsterdam")
    before = datetime(2026, 3, 28, 12, tzinfo=UTC)
    assert weekly.next_time(before, 6, 10, amsterdam) == datetime(2026, 3, 29, 8, tzinfo=UTC)


def test_nobody_is_woken_by_it(site: Site) -> None:
    for hour in (3, 7, 21, 24, -1):
        with pytest.raises(InvalidRequestError, match="an hour from 8 to 20"):
            wishes(site, hour=hour)
    night = datetime(2026, 11, 28, 23, tzinfo=ZONE)
    assert letters.by_day(night, ZONE) == datetime(2026, 11, 29, 8, tzinfo=ZONE)
    assert letters.by_day(night - timedelta(hours=3), ZONE) == night - timedelta(hours=3)
    lived(site)
    wishes(site)
    late = weekly.next_time(now(), 6, 19, ZONE) + timedelta(hours=4)  # the worker was away
    weekly.write_due(site.engine, late)
    assert written(site) == []
    with Session(site.engine) as session:
        due = session.scalars(select(WeeklyLetter.due_at)).one()
    assert due.astimezone(ZONE).hour == 8
    weekly.write_due(site.engine, due)
    with Session(site.engine) as session:
        after = session.scalars(select(WeeklyLetter.due_at)).one()
    assert (len(written(site)), after.astimezone(ZONE).hour, after.weekday()) == (1, 19, 6)


# -- once ------------------------------------------------------------------------------------


def test_it_is_delivered_once_by_the_persons_proven_way(
    reached: Reached, site: Site, mail: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_day(monkeypatch)
    has_mail(reached, mail)
    lived(site)
    wishes(site)
    assert view(site).weekly is not None
    is_due(site)
    with ThreadPoolExecutor(4) as pool:  # several workers at the same moment
        assert sum(pool.map(weekly.write_due, [site.engine] * 4)) == 1
    assert weekly.write_due(site.engine) == 0
    reached.turn()
    reached.turn()
    [letter] = mail.letters
    assert letter["Subject"] == "本周平安 · 1 栋 501"
    assert "7 天中有 7 天一切如常。没有告警。" in letter.get_content()
    assert "/family?home=h-501" in letter.get_content()
    assert "张" not in letter["Subject"] + letter.get_content()
    assert [state for _, state in reached.states()] == ["accepted"]
    shown = view(site).weekly
    assert shown is not None
    assert shown.title == letter["Subject"]


def test_who_dies_while_writing_has_written_nothing(
    reached: Reached, site: Site, mail: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_day(monkeypatch)
    has_mail(reached, mail)
    lived(site)
    wishes(site)
    wishes(site, actor=second_child(site))
    is_due(site)
    send, first = letters.send, site.actor(Role.FAMILY).user_id

    def dies(session: Session, **said: Any) -> Letter:
        made = send(session, **said)
        if said["user_id"] == first:
            raise RuntimeError("the power went")
        return made

    monkeypatch.setattr(letters, "send", dies)
    assert weekly.write_due(site.engine) == 1  # one that fails keeps no other
    monkeypatch.setattr(letters, "send", send)
    assert len(written(site)) == 1
    assert reached.deliveries() == []
    assert weekly.write_due(site.engine) == 1
    assert len(reached.deliveries()) == 1


def test_an_address_that_is_not_proven_gets_none(
    reached: Reached, site: Site, mail: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_day(monkeypatch)
    has_mail(reached, mail, proven=False)
    lived(site)
    wishes(site)
    said(site)
    assert reached.deliveries() == []
    assert view(site).weekly.title is not None  # type: ignore[union-attr] # the page has it


def test_it_is_not_said_to_who_belongs_there_no_more_nor_after_it_rang(
    reached: Reached, site: Site, mail: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_day(monkeypatch)
    has_mail(reached, mail)
    lived(site)
    wishes(site)
    said(site)
    site.alert()  # it rings before the letter has left
    said(site)
    with transaction(site.engine) as session:
        session.execute(delete(HomeScope))
    reached.turn()
    assert mail.letters == []
    assert {state for _, state in reached.states()} == {"cancelled"}
    is_due(site)
    weekly.write_due(site.engine)
    assert len(written(site)) == 2
    with Session(site.engine) as session:
        assert session.scalars(select(WeeklyLetter)).all() == []


def test_a_providers_limit_holds_it_and_it_does_not_come_at_night(
    reached: Reached, site: Site, mail: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_day(monkeypatch)
    has_mail(reached, mail)
    lived(site)
    wishes(site)
    said(site)
    with transaction(site.engine) as session:
        channel = session.merge(reached.channel_row("mail"))
        channel.per_minute, channel.recent = 1, [round(now().timestamp() * 1000)]
    reached.turn()
    [one] = reached.deliveries()
    assert (one.state, one.held_at is not None) == ("queued", True)
    with transaction(site.engine) as session:
        session.execute(update(Delivery).values(expires_at=now()))
    reached.later(120)
    reached.turn()
    assert reached.states() == [("mail", "expired")]
    assert mail.letters == []


# -- what ------------------------------------------------------------------------------------


def test_well_only_if_it_was(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    by_day(monkeypatch)
    lived(site, days=6)
    wishes(site)
    assert said(site).startswith(
        "本周平安 · 1 栋 501｜7 天中有 6 天一切如常。没有告警。设备电量正常。"
    )
    over = {"handling": "closed", "condition": "clear", "closed_at": now()}
    site.alert(cause="false", **over)
    assert said(site).startswith("本周平安")
    assert "告警 1 次（误报 1）" in written(site)[-1].body
    site.alert(cause="true", **over)
    assert said(site).startswith("本周情况")
    assert "告警 2 次（属实 1，误报 1）" in written(site)[-1].body
    site.alert(severity=3)
    assert said(site).startswith("本周需要留意")
    assert "尚未结束 1" in written(site)[-1].body
    assert "现在的情况请看页面" in written(site)[-1].body


def test_what_could_not_be_heard_is_said_first(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    by_day(monkeypatch)
    lived(site)
    wishes(site)
    gateway = site.device("b1-501-pir").gateway_id
    spans = ((gateway, 30, 27), (None, 28, 26), (site.device("far-pir").gateway_id, 90, 50))
    with transaction(site.engine) as session:
        for of, begin, end in spans:
            times = {"started_at": now() - timedelta(hours=begin)}
            times["ended_at"] = now() - timedelta(hours=end)
            session.add(BlindPeriod(community_id=site.community_id, gateway_id=of, **times))
    found = said(site)
    assert found.startswith("本周需要留意 · 1 栋 501｜有 4 小时收不到这个家的消息")


def test_a_device_that_was_silent_is_named_and_protection_that_was_off(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_day(monkeypatch)
    lived(site)
    wishes(site)
    over = {"handling": "closed", "condition": "clear", "closed_at": now()}
    site.alert("b1-501-pir", rule_id="device-silent", severity=4, **over)
    assert re.search("需要留意.*失联过：人体感应。", said(site))
    site.alert("b1-501-sos", rule_id="protection-off", severity=3, **over)
    assert re.search("｜防护曾中断.*失联过：人体感应、求助按钮。", said(site))
    site.says("b1-501-bed", now(), battery=9)
    assert "电量低：床垫。" in said(site)


def test_a_home_of_which_there_is_no_news_is_not_well(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_day(monkeypatch)
    wishes(site)
    assert "需要留意" in said(site)
    for slug in ("b1-501-sos", "b1-501-bed", "b1-501-pir"):
        site.says(slug, now(), battery=90)
    moved(site, now() - timedelta(hours=30))
    assert "需要留意" in said(site)


def test_that_movement_was_told_is_on_record_and_the_letter_goes_with_the_consent(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_day(monkeypatch)
    lived(site)
    wishes(site)
    said(site)
    [look] = site.audited("care.read")
    assert (look.actor, look.subject) == ("张敏", f"household:{HOME}")
    assert (look.data["as"], look.data["purpose"]) == ("letter", "care")
    shown = view(site).weekly
    assert shown is not None
    assert shown.title == "本周平安 · 1 栋 501"
    assert len(site.audited("care.read")) == 2  # a letter is no look at the page
    say_nothing(site)
    hidden = view(site).weekly
    assert hidden is not None
    assert (hidden.title, hidden.body, hidden.weekday) == (None, None, 6)
    said(site)  # nothing of movement in it
    assert len(site.audited("care.read")) == 2


def test_an_exercise_and_a_cry_that_is_not_to_be_heard_are_not_in_it(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_day(monkeypatch)
    lived(site)
    wishes(site)
    site.alert(mode="drill")
    site.alert(rule_id="door-duress")
    assert "没有告警" in said(site)


def test_it_is_said_in_english_too() -> None:
    week = Week(
        home="x",
        place="1 栋",
        place_en="Block 1",
        usual_days=5,
        alerts=("true", "open"),
        silent=(("烟感", "Smoke alarm"),),
        flat=(),
        unprotected=False,
        blind=timedelta(hours=2),
        is_well_now=False,
        away=False,
    )
    found = text_of(week, "en")
    assert found.title == "This week needs a look · Block 1"
    assert found.body == (
        "For 2 h nothing could be heard from there; an alarm then would not have been."
        " Silent for a while: Smoke alarm. 5 of 7 days were as usual."
        " 2 alerts (1 still open, 1 real). Look at the page for how it is now."
    )


def test_anothers_home_is_none_of_ones_own(site: Site) -> None:
    with transaction(site.engine) as session, pytest.raises(NotFoundError):
        weekly.wish(session, site.actor(Role.FAMILY), "h-999", 6, 19)


@pytest.mark.parametrize("asks", ["for letters that wait", "for a week"])
def test_no_look_at_letters_reads_every_alert_there_ever_was(site: Site, asks: str) -> None:
    said: list[tuple[str, Any]] = []

    def note(*given: Any) -> None:
        said.append((given[2], given[3]))

    with transaction(site.engine) as session:
        event.listen(site.engine, "before_cursor_execute", note)
        if asks == "for a week":
            week_of_home(session, site.community_id, 1, now() - timedelta(days=7))
        else:
            tidy(session, now())
        event.remove(site.engine, "before_cursor_execute", note)
        session.execute(text("SET LOCAL enable_seqscan = off"))
        (asked,) = (one for one in said if "alerts" in one[0])
        connection = session.connection()
        plan = connection.exec_driver_sql(f"EXPLAIN {asked[0]}", asked[1]).scalars().all()
    assert [one for one in plan if "Index Cond" in one and "community_id" in one], plan
