"""Rotas, groups and plans on pages, by forms that need no script."""

from __future__ import annotations

import re
from typing import Any

import httpx
from duty_roster import an_alert_to_call_of, changed_just_now, furnish_duty
from guarded_site import Site
from screens import csrf_of, log_in
from sqlalchemy import select
from sqlalchemy.orm import Session

from anju_platform.duty.model import HandOver
from anju_platform.escalation.model import EscalationPolicy


def send(client: httpx.Client, page: str, path: str, **fields: Any) -> httpx.Response:
    """Post a form of a page."""
    token = csrf_of(client.get(page).text)
    return client.post(path, data={"csrf": token, **fields})


def plan_in_force(site: Site, severity: int = 1) -> dict[str, Any] | None:
    with Session(site.engine) as session:
        query = select(EscalationPolicy.policy).where(
            EscalationPolicy.severity == severity, EscalationPolicy.place_id.is_(None)
        )
        return session.scalar(query)


def test_a_rota_is_written_shift_by_shift(client: httpx.Client, site: Site) -> None:
    log_in(client, "admin")
    draft: dict[str, Any] = {
        "name": "门岗",
        "fallback": "admin",
        "handed_over": "true",
        "starts": ["08:00"],
        "ends": ["20:00"],
        "holidays": ["any"],
        "days": [f"0|{day}" for day in range(7)],
        "people": [f"0|{site.users['liqiang']}"],
    }
    more = send(client, "/rota/new", "/rota/new", **draft, do="add").text
    # the second shift is offered where the first one ends
    assert re.findall(r'name="starts" required value="([\d:]+)"', more) == ["08:00", "20:00"]
    assert re.findall(r'name="ends" required value="([\d:]+)"', more) == ["20:00", "08:00"]
    draft |= {"starts": ["08:00", "20:00"], "ends": ["20:00", "08:00"], "holidays": ["any"] * 2}
    draft["days"] += [f"1|{day}" for day in range(7)]
    wrong = send(client, "/rota/new", "/rota/new", **draft, do="save")
    assert (wrong.status_code, "班次 2：请选择值班人。" in wrong.text) == (422, True)
    draft["people"] += [f"1|{site.users['wanglei']}"]
    page = send(client, "/rota/new", "/rota/new", **draft, do="save")
    assert page.url.path == "/rota"
    assert "门岗" in page.text
    assert "空岗" not in page.text
    again = send(client, "/rota/new", "/rota/new", **draft, do="save")
    assert (again.status_code, "名称已被使用" in again.text) == (422, True)


def test_holes_are_shown_and_an_exception_fills_one(client: httpx.Client, site: Site) -> None:
    furnish_duty(site)
    log_in(client, "admin")
    page = client.get("/rota").text
    assert "未来 14 天的空岗" in page
    edit = re.findall(r"/rota/(\d+)/edit", page)[-1]
    path = f"/rota/{edit}/overrides"
    said = {"starts": "08:00", "ends": "20:00", "people": [str(site.users["grace"])]}
    nothing = send(client, "/rota", path, day="", **said)
    assert (nothing.status_code, "调班需要填写" in nothing.text) == (422, True)
    day = re.search(r'type="date" name="day" required min="([\d-]+)"', nothing.text)
    assert day is not None
    made = send(client, "/rota", path, day=day[1], **said)
    assert (made.status_code, f"{day[1]} 08:00–20:00" in made.text) == (200, True)
    twice = send(client, "/rota", path, day=day[1], **said)
    assert (twice.status_code, "该时间已有调班" in twice.text) == (422, True)
    remove = re.search(rf"{path}/\d+/remove", made.text)
    assert remove is not None
    assert f"{day[1]} 08:00–20:00" not in send(client, "/rota", remove[0]).text


def test_who_comes_on_takes_over_with_what_the_other_had(client: httpx.Client, site: Site) -> None:
    changed_just_now(site, "wanglei", "liqiang")
    alert = site.raise_alert(handling="acked", acked_by=site.users["wanglei"])
    log_in(client, "wanglei")
    seen = client.get("/rota").text
    assert "尚未交接" in seen
    assert "我来接班" not in seen
    log_in(client, "liqiang")
    page = client.get("/rota").text
    assert f"/alerts/{alert}" in page
    fields = {
        "starts_at": re.findall(r'name="starts_at" value="([^"]+)"', page)[0],
        "handed_by": str(site.users["wanglei"]),
        "note": "南门门禁在修",
        "alerts": "true",
    }
    path = re.findall(r"/rota/\d+/take-over", page)[0]
    done = send(client, "/rota", path, **fields).text
    assert "李强 已于" in done
    assert "南门门禁在修" in done
    assert "由 王磊 交班移交" in client.get(f"/alerts/{alert}").text
    with Session(site.engine) as session:
        found = session.scalars(select(HandOver)).one()
    assert found.alerts == [str(alert)]
    log_in(client, "wanglei")
    late = send(client, "/rota", path, **fields)
    assert (late.status_code, "已有人接班" in late.text) == (409, True)


def test_a_group_is_made_changed_and_removed(client: httpx.Client, site: Site) -> None:
    log_in(client, "admin")
    nobody = send(client, "/groups", "/groups", name="夜班")
    assert (nobody.status_code, "至少选择一人" in nobody.text) == (422, True)
    made = send(client, "/groups", "/groups", name="夜班", members=[str(site.users["liqiang"])])
    path = re.findall(r"/groups/\d+", made.text)[0]
    both = [str(site.users[one]) for one in ("liqiang", "wanglei")]
    changed = send(client, "/groups", path, name="乙组", members=both).text
    assert "李强 · 王磊" in re.sub(r"\s+", " ", changed)
    assert "乙组" not in send(client, "/groups", f"{path}/remove").text


def test_a_plan_is_written_without_a_script(client: httpx.Client, site: Site) -> None:
    log_in(client, "admin")
    path, page = "/escalation/plan", "/escalation/plan?severity=1"
    draft: dict[str, Any] = {
        "severity": "1",
        "after": ["1", "2"],
        "unit": ["min", "min"],
        "to": ["0|role:property", "1|role:admin", f"1|user:{site.users['wanglei']}"],
        "repeat": "60",
        "repeat_unit": "s",
    }
    words = send(client, page, path, **draft, do="look").text
    assert "1 分钟后" in words
    assert "管理员 · 王磊" in words
    more = send(client, page, path, **draft, do="add").text
    assert re.findall(r'name="after"[^>]* value="(\d+)"', more) == ["1", "2", "3"]
    swapped = send(client, page, path, **draft, do="down:0").text
    assert 'value="0|role:admin" checked' in swapped
    assert plan_in_force(site) is None  # nothing of this was saved
    fewer = send(client, page, path, **draft, do="remove:0").text
    assert fewer.count('name="after"') == 1
    saved = send(client, page, path, **draft, do="save")
    assert saved.url.path == "/escalation"
    assert plan_in_force(site) == {
        "steps": [
            {"after_s": 60, "to": ["role:property"]},
            {"after_s": 120, "to": ["role:admin", f"user:{site.users['wanglei']}"]},
        ],
        "repeat_s": 60,
    }
    late = send(client, page, path, **draft, do="save")  # it was there before the plan was
    assert (late.status_code, "已被他人修改" in late.text) == (422, True)


def test_what_is_wrong_with_a_plan_is_said_where(client: httpx.Client, site: Site) -> None:
    log_in(client, "admin")
    path, page = "/escalation/plan", "/escalation/plan?severity=1"
    good: dict[str, Any] = {
        "severity": "1",
        "after": ["60", "120"],
        "unit": ["s", "s"],
        "to": ["0|role:admin", "1|role:admin"],
        "repeat": "60",
        "repeat_unit": "s",
    }
    for changed, said in (
        ({"after": [], "unit": [], "to": []}, "策略至少要有一步"),
        ({"to": ["0|role:admin"]}, "第 2 步：请选择通知谁"),
        ({"after": ["60", "60"]}, "第 2 步：时间必须晚于上一步"),
        ({"after": ["6o", "120"]}, "第 1 步：时间必须晚于上一步"),
        ({"after": ["10", "20"], "unit": ["min", "min"]}, "P1 的第 1 步不得晚于 5 分钟"),
        ({"repeat": "1"}, "至少 30 秒"),
        ({"to": ["0|role:king", "1|role:admin"]}, "role:king"),
    ):
        answer = send(client, page, path, **(good | changed), do="save")
        assert (answer.status_code, said in answer.text) == (422, True), said
    assert plan_in_force(site) is None


def test_plans_are_read_in_words_with_who_changed_them_and_taken_back(
    client: httpx.Client, site: Site
) -> None:
    furnish_duty(site)
    log_in(client, "admin")
    page = client.get("/escalation").text
    assert "门岗 · 住户第 2 联系人" in page
    assert "夜班小组 · 住户第 1 联系人 · 管理员" in page
    assert "陈涛" in page
    gone = send(client, "/escalation", "/escalation/remove", severity="1", place="b3").text
    assert "已删除：改用上一级策略" in gone
    for query, said in (
        ("severity=1&place=moon", "没有这个位置"),
        ("severity=1&at=yesterday", "62 天以内"),
        ("severity=1&at=2020-01-01T10:00", "62 天以内"),
    ):
        answer = client.get(f"/escalation/rehearsal?{query}")
        assert (answer.status_code, said in answer.text) == (422, True)
    assert client.get("/escalation/plan?severity=1&place=moon").status_code == 422


def test_the_page_says_who_would_be_called(client: httpx.Client, site: Site) -> None:
    furnish_duty(site)
    log_in(client, "admin")
    page = client.get("/escalation/rehearsal?severity=1&place=b3-501").text
    for said in ("李强", "王磊", "仅屏幕可见", "请人工拨打：住户第 2 联系人", "尚未交接"):
        assert said in page


def test_an_alert_says_whom_to_call_by_hand_and_for_how_long_nobody_had_it(
    client: httpx.Client, site: Site
) -> None:
    furnish_duty(site)
    alert = an_alert_to_call_of(site)
    log_in(client, "liqiang")
    page = client.get(f"/alerts/{alert}").text
    assert "系统联系不上，请人工拨打：" in page
    assert 'href="tel:13900001122"' in page
    assert re.search(r"已有 \d+ 秒 无人接手", page)
    assert "“门岗”尚未交接" in page
