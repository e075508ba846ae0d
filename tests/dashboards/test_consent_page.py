"""The office writes words down and takes them back, on pages that need no script."""

from __future__ import annotations

import re
from datetime import timedelta

import httpx
import pytest
from duty_roster import actor
from guarded_site import Site
from screens import csrf_of, log_in
from sqlalchemy import select, update

from anju_platform.database import now, transaction
from anju_platform.duty import groups
from anju_platform.duty.schemas import GroupBody
from anju_platform.registry.model import Device
from anju_platform.sharing.model import Consent

HOME = "/consents/b3-501"
ELDER = "张桂兰"


@pytest.fixture
def admin(client: httpx.Client) -> httpx.Client:
    return log_in(client, "admin")


def send(client: httpx.Client, path: str = HOME, **fields: str) -> httpx.Response:
    said = {"person": ELDER, "viewer": "role:office", "sensors": "all", "purpose": "care"}
    token = csrf_of(client.get(HOME).text)
    return client.post(path, data={"csrf": token, "how": "written", **said, **fields})


def section(page: httpx.Response, name: str) -> str:
    """Give the line of the table about somebody, without its marks."""
    line = re.search(rf'<th scope="row">{name}</th>(.*?)</tr>', page.text, re.DOTALL)
    assert line is not None
    return re.sub(r"<form.*?</form>|<[^>]+>|\s+", " ", line.group(1))


def test_a_word_is_written_down_and_taken_back(admin: httpx.Client, site: Site) -> None:
    until = (now() + timedelta(days=40)).date().isoformat()
    before = section(admin.get(HOME), "居委会")
    assert "全部传感器" not in before
    made = send(admin, until=until, note="柜子 3")
    assert (made.status_code, made.url.path) == (200, HOME)
    line = section(made, "居委会")
    assert "全部传感器（不含健康数据）" in line
    assert until in line
    assert "柜子 3" in made.text
    with transaction(site.engine) as session:
        [word] = session.scalars(select(Consent).where(Consent.viewer == "role:office"))
        assert (word.given_by, word.how, word.recorded_by) == (
            ELDER,
            "written",
            site.users["admin"],
        )
    gone = send(admin, f"{HOME}/{word.id}/withdraw", note="电话")
    assert "不共享：全部传感器" in section(gone, "居委会")
    again = send(admin, f"{HOME}/{word.id}/withdraw")
    assert (again.status_code, "抢先一步" in again.text) == (409, True)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"until": "2020-01-01"}, "所填内容不相符"),
        ({"until": "tomorrow"}, "截止日期请选"),
        ({"viewer": "everybody"}, "所填内容不相符"),
        ({"viewer": "role:grid"}, "所填内容不相符"),
        ({"viewer": "user:999999"}, "所填内容不相符"),
        ({"purpose": "support", "viewer": "role:installer"}, "所填内容不相符"),
        ({"purpose": "statistics"}, "所填内容不相符"),
        ({"sensors": "device:gate-south"}, "所填内容不相符"),
        ({"person": "王奶奶"}, "所填内容不相符"),
    ],
)
def test_what_makes_no_sense_is_asked_again(
    admin: httpx.Client, fields: dict[str, str], says: str
) -> None:
    answer = send(admin, **fields)
    assert (answer.status_code, says in answer.text) == (422, True)


def test_the_office_is_reminded_of_what_ends_and_of_whom_nobody_asked(
    admin: httpx.Client, site: Site
) -> None:
    at = now()
    home = site.households
    with transaction(site.engine) as session:
        of_home = update(Consent).where(Consent.viewer == "role:guard")
        session.execute(
            of_home.where(Consent.household_id == home["b3-501"]).values(
                ends_at=at + timedelta(days=13)
            )
        )
        session.execute(
            of_home.where(Consent.household_id == home["b2-101"]).values(
                ends_at=at + timedelta(days=15)
            )
        )
        session.execute(
            update(Consent)
            .where(Consent.household_id == home["b1-101"])
            .values(ends_at=at - timedelta(days=1))
        )
    said = admin.get("/api/v1/consents").json()["items"]
    assert {one["slug"]: one["missing"] for one in said if one["missing"]} == {"b1-101": [ELDER]}
    assert [one["slug"] for one in said if one["ending"]] == ["b3-501"]
    assert {one["slug"] for one in said[:2]} == {"b1-101", "b3-501"}
    page = admin.get("/consents", params={"text": "1 栋"}).text
    assert "尚未征询：张桂兰" in page
    assert "b3-501" not in page


def test_the_sheet_says_what_is_in_force(admin: httpx.Client) -> None:
    sheet = admin.get(f"{HOME}/sheet")
    assert "我家传感器数据的查看授权" in sheet.text
    assert "全部传感器（不含健康数据）" in section(sheet, "家属")
    assert "签名" in sheet.text


def test_the_family_sees_what_is_shared_and_who_looked(client: httpx.Client, site: Site) -> None:
    log_in(client, "liqiang").get("/devices/b3-501-pir")
    client.cookies.clear()
    page = log_in(client, "zhangmin").get("/family/b3-501/looks").text
    for words in ("这户共享了什么", "全部传感器", "李强", "客厅人体感应", "用于日常照护"):
        assert words in page
    with transaction(site.engine) as session:
        session.execute(update(Consent).values(ends_at=now() - timedelta(seconds=1)))
    assert "没有其他共享内容" in client.get("/family/b3-501/looks").text
    home = client.get("/family").text
    for words in ("未共享", "家中的活动情况未共享给您", "防护设备 5 / 5 在线"):
        assert words in home


def test_stopping_a_sensor_and_deleting_what_it_said(admin: httpx.Client, site: Site) -> None:
    pir = "device:b3-501-pir"
    stop = {"viewer": "everybody", "purpose": "measuring", "sensors": pir}
    stopped = send(admin, **stop, given="false")
    assert "平台已停用" in stopped.text
    listed = admin.get("/api/v1/devices", params={"text": "b3-501-pir", "status": "stopped"})
    assert [one["slug"] for one in listed.json()["rows"]] == ["b3-501-pir"]
    kept = send(admin, f"{HOME}/erase/b3-501-smoke")  # still listened to
    assert kept.status_code == 409
    assert send(admin, f"{HOME}/erase/b3-501-pir").status_code == 200
    again = admin.put(
        "/api/v1/devices/b3-501-pir/state",
        json={"state": "approved"},
        headers={"X-CSRF-Token": csrf_of(admin.get(HOME).text)},
    )
    assert again.status_code == 409
    send(admin, **stop, given="true")
    with transaction(site.engine) as session:
        state = session.scalars(select(Device.state).where(Device.slug == "b3-501-pir")).one()
    assert state == "approved"


def test_a_group_is_named_on_the_page_the_sheet_and_among_groups(
    admin: httpx.Client, site: Site
) -> None:
    boss = actor(site, "admin")
    with transaction(site.engine) as session:
        body = GroupBody(name="夜班组", members=(site.users["wanglei"],))
        (group,) = groups.add(session, boss, body)
    assert "小组“夜班组”" in admin.get(HOME).text
    assert "对小组的意见" not in admin.get(f"{HOME}/sheet").text
    made = send(admin, viewer=f"group:{group.id}")
    assert "全部传感器" in section(made, "小组“夜班组”")
    sheet = admin.get(f"{HOME}/sheet").text
    assert "对小组的意见" in sheet
    assert "夜班组 – 王磊" in sheet
    page = admin.get("/groups").text
    assert "可查看 1 户的传感器数据" in page
    token = csrf_of(page)
    refused = admin.post(f"/groups/{group.id}/remove", data={"csrf": token})
    assert refused.status_code == 422
    assert "居委会" in refused.text
    with transaction(site.engine) as session:
        [word] = session.scalars(select(Consent).where(Consent.viewer == f"group:{group.id}"))
    send(admin, f"{HOME}/{word.id}/withdraw")
    gone = admin.post(f"/groups/{group.id}/remove", data={"csrf": token})
    assert gone.status_code == 200
    assert "已删除的小组" in admin.get(HOME).text
