"""Pages of what happens when nobody takes an alert on, of shelving, and of the duty desks."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import uuid4

import httpx
from guarded_site import Site
from screens import csrf_of, log_in
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from anju_platform.alerts.model import Alert
from anju_platform.auth.model import User
from anju_platform.database import now, transaction
from anju_platform.escalation.escalating import escalate_due
from anju_platform.screens.model import Screen


def shelf_form(page: httpx.Response, **said: str) -> dict[str, str]:
    version = re.search(r'name="version" value="(\d+)"', page.text)
    assert version is not None
    return {"csrf": csrf_of(page.text), "version": version[1], "screen": "alert"} | said


def opened_wall(site: Site, username: str, *, seconds_ago: float = 0.0) -> None:
    with transaction(site.engine) as session:
        user = session.scalars(select(User).where(User.username == username)).one()
        at = now() - timedelta(seconds=seconds_ago)
        session.add(
            Screen(
                id=uuid4(),
                community_id=user.community_id,
                post="wall-1",
                user_id=user.id,
                opened_at=at,
                alive_at=at,
                sounds=False,
            )
        )


def test_the_page_says_who_is_called_next_and_who_was(guard: httpx.Client, site: Site) -> None:
    opened_wall(site, "wanglei", seconds_ago=-600)
    alert = site.raise_alert(severity=2)
    escalate_due(site.engine)
    assert "若无人接手" in guard.get(f"/alerts/{alert}").text
    escalate_due(site.engine, now() + timedelta(seconds=150))
    page = guard.get(f"/alerts/{alert}").text
    assert "无人接手，已通知: " in page
    with transaction(site.engine) as session:
        session.execute(update(Alert).values(handling="acked", acked_at=now()))
    assert "将再次要求确认" in guard.get(f"/alerts/{alert}").text


def test_the_page_says_that_no_wall_was_watched(guard: httpx.Client, site: Site) -> None:
    alert = site.raise_alert()
    escalate_due(site.engine)
    assert "当时无可用值班屏，已通知: " in guard.get(f"/alerts/{alert}").text


def test_shelving_needs_no_script_and_a_reason(guard: httpx.Client, site: Site) -> None:
    alert = site.raise_alert("电梯检修", severity=3)
    asked = guard.get(f"/alerts/{alert}/shelve")
    assert [f'value="{n}"' in asked.text for n in (15, 30, 60, 120)] == [True] * 4
    url = f"/alerts/{alert}/shelve"
    refused = guard.post(url, data=shelf_form(asked, minutes="30", reason=" "))
    assert refused.status_code == 422
    assert "请填写原因" in refused.text
    page = guard.post(url, data=shelf_form(asked, minutes="30", reason="电梯检修"))
    assert "已搁置至" in page.text
    assert "已搁置 30 分钟" in page.text
    page = guard.post(f"/alerts/{alert}/unshelve", data=shelf_form(page))
    assert "已搁置至" not in page.text
    assert "已恢复" in page.text


def test_what_a_life_may_hang_on_is_shelved_by_two(client: httpx.Client, site: Site) -> None:
    alert = site.raise_alert()
    url = f"/alerts/{alert}/shelve"
    first = log_in(client, "liqiang")
    asked = first.get(url)
    assert "须由另一人同意" in asked.text
    page = first.post(url, data=shelf_form(asked, minutes="15", reason="演练"))
    assert "申请搁置 15 分钟" in page.text
    assert "同意搁置" not in page.text
    with httpx.Client(base_url=client.base_url, follow_redirects=True, timeout=20) as other:
        second = log_in(other, "wanglei")
        page = second.get(f"/alerts/{alert}")
        assert "同意搁置" in page.text
        wish = re.search(r'name="agree_to" value="(\d+)"', page.text)
        assert wish is not None
        form = shelf_form(page, minutes="15", reason="演练", agree_to=wish[1])
        assert "已同意" in second.post(url, data=form).text
        assert 'data-loud="false"' in second.get("/wall").text
    with Session(site.engine) as session:
        assert session.get_one(Alert, alert).overlays == ["shelved"]


def test_staff_see_the_duty_desks_and_take_one_off(client: httpx.Client, site: Site) -> None:
    staff = log_in(client, "admin")
    assert "尚未打开过值班屏" in staff.get("/system").text
    opened_wall(site, "wanglei")
    page = staff.get("/system").text
    assert "静音" in page
    assert "撤除此台" not in page
    with transaction(site.engine) as session:
        session.execute(update(Screen).values(alive_at=now() - timedelta(minutes=1)))
    page = staff.get("/system").text
    assert "无人值守" in page
    url = "/system/posts/wall-1/retire"
    assert staff.post(url).status_code == 403
    answer = staff.post(url, data={"csrf": csrf_of(page)})
    assert answer.status_code == 200
    assert "尚未打开过值班屏" in answer.text
    guard = log_in(client, "wanglei")
    form = {"csrf": csrf_of(guard.get("/wall").text)}
    assert guard.post(url, data=form).status_code == 403
