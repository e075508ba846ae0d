"""Pages on a real database: what they show, to whom, and what they refuse."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import uuid4

import httpx
import pytest
from guarded_site import Site
from lived_in import pass_door, record_day
from screens import csrf_of, log_in
from sqlalchemy import select
from sqlalchemy.orm import Session

from anju_platform.alerts.model import Alert
from anju_platform.alerts.repository import add_entry
from anju_platform.audit.model import AuditEntry
from anju_platform.database import now, to_millis, transaction
from anju_platform.lanes.model import Quarantined
from anju_platform.system import repository as system
from anju_platform.system.model import ProcessRow
from anju_platform.telemetry.model import DeviceState
from anju_platform.vitals import Figures, Queue, Recent


def audited(site: Site, action: str) -> list[AuditEntry]:
    with Session(site.engine) as session:
        return list(session.scalars(select(AuditEntry).where(AuditEntry.action == action)))


def test_who_is_not_logged_in_is_sent_to_the_login_and_back(client: httpx.Client) -> None:
    answer = client.get("/devices?status=silent", follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/login?next=/devices%3Fstatus%3Dsilent"


def test_a_failed_login_says_so_and_keeps_the_name(client: httpx.Client) -> None:
    form = {"username": "liqiang", "password": "wrong"}
    answer = client.post("/login", data=form)
    assert answer.status_code == 401
    assert "用户名或密码错误" in answer.text
    assert 'value="liqiang"' in answer.text


def test_the_login_page_speaks_english_when_asked(client: httpx.Client) -> None:
    assert "Password" in client.get("/login?lang=en").text
    assert "Password" in client.get("/login").text


def test_a_page_allows_scripts_of_its_own_only_and_is_not_kept(guard: httpx.Client) -> None:
    answer = guard.get("/wall")
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"


def test_the_wall_is_in_chinese_by_default_and_in_english_for_who_chose_it(
    client: httpx.Client, site: Site
) -> None:
    site.raise_alert()
    chinese = log_in(client, "liqiang").get("/wall").text
    assert '<html lang="zh-CN"' in chinese
    assert "疑似跌倒" in chinese
    english = log_in(client, "grace").get("/wall").text
    assert '<html lang="en"' in english
    assert "Suspected fall" in english


def test_choosing_a_language_lasts(guard: httpx.Client) -> None:
    form = {"csrf": csrf_of(guard.get("/wall").text), "locale": "en", "back": "/devices"}
    answer = guard.post("/language", data=form, follow_redirects=False)
    assert answer.headers["location"] == "/devices"
    assert '<html lang="en"' in guard.get("/wall").text


def test_the_wall_lists_the_worst_first_and_the_newest_of_those(
    guard: httpx.Client, site: Site
) -> None:
    minutes = timedelta(minutes=1)
    for severity, ago in ((3, 1), (1, 9), (2, 5), (1, 3)):
        site.raise_alert(f"第{severity}-{ago}", severity=severity, ago=ago * minutes)
    titles = re.findall(r"第(\d-\d)", guard.get("/wall").text)
    assert titles == ["1-3", "1-9", "2-5", "3-1"]


def test_a_quiet_wall_says_that_all_is_quiet(guard: httpx.Client) -> None:
    text = guard.get("/wall").text
    assert "一切平静" in text
    assert 'id="no-alerts" hidden' not in text


def test_the_wall_names_its_desk_and_where_the_stream_goes_on(
    guard: httpx.Client, site: Site
) -> None:
    site.raise_alert()
    text = guard.get("/wall?post=2").text
    assert "值班台 2" in text
    assert 'data-screen="wall-2"' in text
    assert 'data-seq="1"' in text


def test_an_alert_page_tells_all_that_happened(guard: httpx.Client, site: Site) -> None:
    values = {"still_s": 38.0, "fall_confidence": 0.93}
    alert = site.raise_alert(evidence={"values": values, "data": {}})
    site.tell(alert, "role:guard", "delivered", "in_app")
    site.tell(alert, f"user:{site.users['wanglei']}", "seen", "in_app")
    pass_door(site, "b3-door", "access_denied", timedelta(minutes=4), credential_type="card")
    record_day(site, "b3-501-fall", "fall_radar", {"still_s": [0, 1]})
    text = guard.get(f"/alerts/{alert}").text
    for words in ("告警产生", "张敏", "13812342231", "有钥匙", "拒绝", "门卡", "38 s", "0.93"):
        assert words in text
    assert text.count("<time-chart") == 2
    assert re.search(r"保安 .*已送达", text)
    assert re.search(r"王磊 .*已看到", text)
    assert "打印" in text


def test_an_alert_waiting_for_its_snapshot_says_so(guard: httpx.Client, site: Site) -> None:
    alert = site.raise_alert(device="cam-07", severity=2, media_id="snap-1")
    assert "快照正从现场传来" in guard.get(f"/alerts/{alert}").text


def test_acknowledging_needs_no_script(guard: httpx.Client, site: Site) -> None:
    alert = site.raise_alert()
    form = {"csrf": csrf_of(guard.get("/wall").text), "version": "1", "screen": "alert"}
    answer = guard.post(f"/alerts/{alert}/ack", data=form, follow_redirects=False)
    assert answer.status_code == 303
    assert site.alert(alert).handling == "acked"
    assert "李强 处理中" in guard.get(f"/alerts/{alert}").text


def test_a_refusal_is_in_the_readers_language(client: httpx.Client) -> None:
    log_in(client, "grace")
    client.cookies.delete("anju_locale")
    refused = client.get("/audit")
    assert (refused.status_code, "You may not see this" in refused.text) == (403, True)


def test_a_post_without_the_token_changes_nothing(guard: httpx.Client, site: Site) -> None:
    alert = site.raise_alert()
    answer = guard.post(f"/alerts/{alert}/ack", data={"version": "1", "screen": "alert"})
    assert answer.status_code == 403
    assert "您无权查看" in answer.text
    assert site.alert(alert).handling == "unacked"


def test_acknowledging_twice_is_the_same_as_once(guard: httpx.Client, site: Site) -> None:
    alert = site.raise_alert()
    form = {"csrf": csrf_of(guard.get("/wall").text), "version": "1", "screen": "wall-1"}
    for _ in range(2):
        answer = guard.post(f"/alerts/{alert}/ack", data=form, headers={"HX-Request": "true"})
        assert answer.status_code == 200
    assert site.alert(alert).version == 2


def test_who_was_too_slow_sees_who_has_it(guard: httpx.Client, site: Site) -> None:
    alert = site.raise_alert()
    form = {"csrf": csrf_of(guard.get("/wall").text), "version": "1", "screen": "wall-1"}
    other = site.users["wanglei"]
    site.change(alert, handling="acked", acked_by=other, owner_id=other)
    answer = guard.post(f"/alerts/{alert}/ack", data=form, headers={"HX-Request": "true"})
    assert answer.status_code == 409
    assert "王磊 已先一步确认" in answer.text
    assert "王磊 处理中" in answer.text


def test_closing_asks_for_the_cause(guard: httpx.Client, site: Site) -> None:
    alert = site.raise_alert()
    form = {"csrf": csrf_of(guard.get("/wall").text), "version": "1", "screen": "wall-1"}
    headers = {"HX-Request": "true"}
    asked = guard.post(f"/alerts/{alert}/close", data=form | {"note": "看过了"}, headers=headers)
    assert asked.status_code == 422
    assert asked.headers["hx-retarget"] == "#ask-form"
    assert "请选择原因" in asked.text
    assert "看过了" in asked.text
    assert site.alert(alert).handling == "unacked"
    done = guard.post(f"/alerts/{alert}/close", data=form | {"cause": "false"}, headers=headers)
    assert done.status_code == 200
    assert site.alert(alert).cause == "false"


def test_a_person_can_be_sent(guard: httpx.Client, site: Site) -> None:
    alert = site.raise_alert()
    asked = guard.get(f"/alerts/{alert}/dispatch", headers={"HX-Request": "true"}).text
    assert "王磊" in asked
    form = {"csrf": csrf_of(asked), "version": "1", "screen": "wall-1"}
    person = {"user_id": str(site.users["wanglei"])}
    answer = guard.post(
        f"/alerts/{alert}/dispatch", data=form | person, headers={"HX-Request": "true"}
    )
    assert "已派给 王磊" in answer.text
    assert site.alert(alert).owner_id == site.users["wanglei"]


def test_a_note_stands_in_the_timeline(guard: httpx.Client, site: Site) -> None:
    alert = site.raise_alert()
    form = {"csrf": csrf_of(guard.get("/wall").text), "version": "1", "screen": "alert"}
    guard.post(f"/alerts/{alert}/comment", data=form | {"text": "<b>在路上</b>"})
    assert "&lt;b&gt;在路上&lt;/b&gt;" in guard.get(f"/alerts/{alert}").text


def test_the_timeline_says_who_was_told(guard: httpx.Client, site: Site) -> None:
    alert = site.raise_alert()
    person = f"user:{site.users['wanglei']}"
    with transaction(site.engine) as session:
        for recipient in ("role:guard", person):
            said = {"recipient": recipient, "channel": "screen"}
            add_entry(session, session.get_one(Alert, alert), "told", now(), data=said)
    page = guard.get(f"/alerts/{alert}").text
    assert "已通知: 保安" in page
    assert "已通知: 王磊" in page


def test_the_timeline_says_who_switched_a_rule_off_and_why(guard: httpx.Client, site: Site) -> None:
    alert = site.raise_alert()
    with transaction(site.engine) as session:
        add_entry(
            session,
            session.get_one(Alert, alert),
            "unknown",
            now(),
            user_id=site.users["admin"],
            data={"rule": "off", "note": "传感器检修"},
        )
    page = guard.get(f"/alerts/{alert}").text
    assert re.search(r"规则已停用，不再监测.{0,40}陈涛.{0,60}传感器检修", page, re.DOTALL)


def test_the_history_filters_and_pages(guard: httpx.Client, site: Site) -> None:
    for number in range(52):
        site.raise_alert(f"测试 {number}", severity=3, ago=timedelta(minutes=number))
    site.raise_alert("唯一的 P1")
    first = guard.get("/alerts?severity=3").text
    assert "显示 50 条，共 52 条" in first
    assert "唯一的 P1" not in first
    onward = re.search(r'rel="next" href="([^"]+)"', first)
    assert onward is not None
    site.raise_alert("更新的", severity=3)
    second = guard.get(onward.group(1).replace("&amp;", "&")).text
    assert [number for number in range(52) if f"测试 {number}<" in second] == [50, 51]
    assert "更新的" not in second
    assert "没有符合条件的告警" in guard.get("/alerts?text=zzz").text


def test_staff_export_the_history_and_that_is_on_record(client: httpx.Client, site: Site) -> None:
    site.raise_alert("测试", severity=3)
    site.raise_alert("=唯一的 P1")
    staff = log_in(client, "admin")
    assert 'href="/alerts.csv?severity=1"' in staff.get("/alerts?severity=1").text
    answer = staff.get("/alerts.csv?severity=1")
    assert 'filename="alerts.csv"' in answer.headers["content-disposition"]
    lines = answer.text.splitlines()
    assert len(lines) == 2
    assert "P1,'=唯一的 P1" in lines[1]
    (entry,) = audited(site, "alerts.exported")
    assert (entry.user_id, entry.data) == (site.users["admin"], {"rows": 1})


@pytest.mark.parametrize("table", ["alerts", "devices"])
def test_a_guard_is_not_offered_an_export_and_not_given_one(
    guard: httpx.Client, site: Site, table: str
) -> None:
    site.raise_alert()
    assert f"/{table}.csv" not in guard.get(f"/{table}").text
    answer = guard.get(f"/{table}.csv")
    assert answer.status_code == 403
    assert "您无权查看" in answer.text
    assert audited(site, f"{table}.exported") == []


@pytest.mark.parametrize(
    "query",
    [
        "alerts?severity=nine",
        "alerts?severity=7",
        "alerts?handling=x",
        "alerts?start=yesterday",
        "alerts?start=0001-01-01",
        "alerts?end=9999-12-31",
        "alerts?text=%00",
        "devices?status=x",
        "devices?model=x",
        "devices?gateway=%00",
    ],
)
def test_a_senseless_filter_is_refused_in_words(client: httpx.Client, query: str) -> None:
    staff = log_in(client, "admin")
    for path in (f"/{query}", f"/{query.replace('?', '.csv?')}"):
        answer = staff.get(path)
        assert answer.status_code == 422, path
        assert "筛选条件有误" in answer.text
        assert "没有符合条件的" not in answer.text  # nobody has looked


def test_a_position_there_is_none_of_is_refused_in_words(client: httpx.Client) -> None:
    staff = log_in(client, "admin")
    for table in ("alerts", "devices", "homes", "people", "consents", "audit"):
        for odd in ("x", "99999999999999999999", "WzFd", "%00", "é"):
            answer = staff.get(f"/{table}?after={odd}")
            assert answer.status_code == 422, (table, odd)
            assert "筛选条件有误" in answer.text, (table, odd)


def test_what_no_text_can_hold_is_refused_in_words(guard: httpx.Client, site: Site) -> None:
    alert = site.raise_alert()
    form = {"text": "a\0b", "screen": "alert", "csrf": csrf_of(guard.get("/wall").text)}
    for answer in (
        guard.get("/devices/%00"),
        guard.post(f"/alerts/{alert}/comment", data=form),
        guard.post("/login", data={"username": "a\0b", "password": "x"}),
    ):
        assert answer.status_code == 422
        assert "缺少内容" in answer.text


def test_the_device_list_begins_with_what_needs_care(guard: httpx.Client) -> None:
    text = guard.get("/devices").text
    order = [text.index(f'class="status {s}"') for s in ("silent", "flat", "ok")]
    assert order == sorted(order)
    assert "b1-301-sos" in guard.get("/devices?status=flat").text
    assert "没有符合条件的设备" in guard.get("/devices?text=zzz").text


def test_the_device_list_sorts(guard: httpx.Client) -> None:
    text = guard.get("/devices?sort=-name").text
    assert 'aria-sort="descending"' in text


def test_staff_export_the_devices_and_that_is_on_record(client: httpx.Client, site: Site) -> None:
    lines = log_in(client, "admin").get("/devices.csv?model=sos_button").text.splitlines()
    assert len(lines) == 1 + 6 * 5
    assert lines[0] == "\ufeffid,name,kind,place,gateway,state,last_heard,battery,rssi"
    (entry,) = audited(site, "devices.exported")
    assert (entry.user_id, entry.data) == (site.users["admin"], {"rows": 30})


def test_a_device_page_says_choices_in_words(guard: httpx.Client, site: Site) -> None:
    at = now()
    with transaction(site.engine) as session:
        state = session.get_one(DeviceState, site.devices["b3-501-fall"])
        state.latest = {"posture": ["lying", to_millis(at)]}
    for path in ("/devices/b3-501-fall", "/wall/devices/b3-501-fall"):
        assert "躺" in guard.get(path).text


def test_a_device_page_shows_values_and_a_chart_for_each(guard: httpx.Client) -> None:
    text = guard.get("/devices/b1-101-fall?hours=168").text
    assert text.count("<time-chart") == 4
    assert "38 s" in text


def test_the_system_page_is_for_staff(client: httpx.Client) -> None:
    refused = log_in(client, "liqiang").get("/system")
    assert refused.status_code == 403
    assert "您无权查看" in refused.text
    shown = log_in(client, "admin").get("/system")
    assert shown.status_code == 200
    assert "西区网关" in shown.text


def test_the_system_page_shows_each_process_and_no_figures_of_one_that_is_gone(
    client: httpx.Client, site: Site
) -> None:
    recent = Recent(61234.0, 0.011, 0.048, {"events": 0.043})
    queues = {"urgent": Queue(0, 0), "telemetry": Queue(1240, 3.2)}
    here = [site.community]
    beat(site, "ingest-1", Figures(communities=here, unheard_s=0, queues=queues, recent=recent))
    beat(site, "ingest-2", Figures(communities=here, recent=recent), silent_s=7200)
    beat(site, "worker-1", Figures(still_s=40))
    shown = log_in(client, "admin").get("/system").text
    rows = [row.split("</tr>")[0] for row in shown.split("<tr>")]
    (first,) = [row for row in rows if "ingest-1" in row]
    (second,) = [row for row in rows if "ingest-2" in row]
    (worker,) = [row for row in rows if "worker-1" in row]
    for words in ("运行中", "刚刚", "61,234", "48 ms", "1,240", "3.2 s", "43 ms"):
        assert words in first
    assert "已中断" in second
    assert "120 分 前" in second
    assert "61,234" not in second
    assert "停滞" in worker


def beat(site: Site, name: str, figures: Figures, *, silent_s: float = 0) -> None:
    """Let a process have given its last sign of life so many seconds ago."""
    with transaction(site.engine) as session:
        system.beat(
            session,
            name=name,
            kind=name.partition("-")[0],
            host="here",
            pid=1,
            started_at=now(),
            figures=figures,
        )
        row = session.get_one(ProcessRow, name)
        row.at -= timedelta(seconds=silent_s)


def test_an_alert_about_the_platform_is_about_the_whole_community(
    guard: httpx.Client, site: Site
) -> None:
    alert = site.raise_alert("平台接收中断", severity=2, rule="platform-ingest-down")
    site.change(alert, place_id=None, device_id=None)
    for path in ("/wall", "/alerts", f"/alerts/{alert}"):
        assert "整个小区" in guard.get(path).text


def test_reasons_are_in_the_pages_language(client: httpx.Client, site: Site) -> None:
    pass_door(site, "b6-door", "access_denied", timedelta(minutes=1), reason="unreadable")
    with transaction(site.engine) as session:
        session.add(
            Quarantined(
                community_id=site.community,
                gateway_id=site.gateways["gw-east"],
                received_at=now(),
                topic="anju/yangguang/gw-east/events",
                reason="unknown_device",
                detail="no such device",
                payload=b"{}",
            )
        )
    staff = log_in(client, "admin")
    assert "未登记的设备" in staff.get("/system").text
    alert = site.raise_alert(device="b6-door")
    assert "无法读取" in staff.get(f"/alerts/{alert}").text


@pytest.mark.parametrize("path", ["/alerts/{id}", "/devices/none", "/nothing", "/wall/alerts/{id}"])
def test_what_is_not_there_is_said_on_a_page(guard: httpx.Client, path: str) -> None:
    answer = guard.get(path.format(id=uuid4()))
    assert answer.status_code == 404
    assert "这里没有内容" in answer.text


def test_the_json_api_keeps_answering_in_json(guard: httpx.Client) -> None:
    assert guard.get("/api/v1/devices/none").json()["type"] == "/problems/not-found"


def test_our_files_are_asked_for_again_and_vendored_ones_kept(client: httpx.Client) -> None:
    assert client.get("/static/css/base.css").headers["cache-control"] == "no-cache"
    kept = client.get("/static/vendor/leaflet-1.9.4/leaflet.js").headers["cache-control"]
    assert "immutable" in kept


def test_logging_out_ends_the_session(guard: httpx.Client) -> None:
    form = {"csrf": csrf_of(guard.get("/wall").text)}
    guard.post("/logout", data=form)
    assert guard.get("/wall", follow_redirects=False).status_code == 303
