"""Rules on pages that need no script: read, check, save, back-test, put in force, switch off."""

from __future__ import annotations

import json
import re
import time

import httpx
from guarded_site import Site
from rule_editor import HEAT, hot
from screens import csrf_of, log_in
from sqlalchemy import text

from anju_platform.backtest.jobs import repository
from anju_platform.database import transaction


def send(
    client: httpx.Client, path: str, *, of: str = "/rules/heat", **said: str
) -> httpx.Response:
    """Post a form as the page that holds it does, with a browser's ends of lines."""
    token = csrf_of(client.get(of).text)
    fields = {name: value.replace("\n", "\r\n") for name, value in said.items()}
    return client.post(path, data={"csrf": token, **fields})


def make(client: httpx.Client) -> httpx.Client:
    log_in(client, "admin")
    made = send(client, "/new-rule", of="/new-rule", text=HEAT, act="save", note="热天")
    assert made.url.path == "/rules/heat", made.text
    return client


def test_a_new_rule_may_be_as_long_as_one_that_is_changed(client: httpx.Client) -> None:
    log_in(client, "admin")
    long = HEAT + "#" + "热" * 20_000  # 60 kB, and 180 kB as a form writes it
    made = send(client, "/new-rule", of="/new-rule", text=long, act="save", note="热天")
    assert made.url.path == "/rules/heat", made.status_code


def test_the_list_says_what_is_in_force_and_how_often_it_was_right(
    client: httpx.Client, site: Site
) -> None:
    log_in(client, "admin")
    for cause in ("true", "true", "false", None):
        alert = site.raise_alert(rule="smoke")
        if cause:
            site.change(alert, handling="closed", cause=cause)
    page = client.get("/rules").text
    row = re.search(r"<tr>(?:(?!</tr>).)*/rules/smoke\"(?:(?!</tr>).)*</tr>", page, re.DOTALL)
    assert row is not None
    assert re.findall(r"第 1 版|内置|从一开始|67 %|已判定 3 条", row.group(0)) == [
        "第 1 版", "内置", "从一开始", "67 %", "已判定 3 条",
    ]  # fmt: skip
    assert "没有符合的规则" in client.get("/rules?text=nothing-like-it").text
    assert "/rules/smoke" not in client.get("/rules?force=off").text
    assert client.get("/rules?force=odd").status_code == 422


def test_a_rule_is_made_put_in_force_changed_compared_and_switched_off(
    client: httpx.Client,
) -> None:
    make(client)
    page = client.get("/rules/heat").text
    assert "已停用" in page
    assert "温湿度计" in page  # what it is about, in words
    begun = send(client, "/rules/heat/activate", version="1", seen="0", reason="夏天到了")
    assert "夏天到了" in begun.text
    saved = send(client, "/rules/heat", text=hot(40), act="save", based_on="1", version="1")
    assert re.findall(r"<code>(params\.most|35|40)</code>", saved.text) == [
        "params.most",
        "35",
        "40",
    ]
    assert "生效中：第 1 版" in saved.text
    off = send(client, "/rules/heat/withdraw", seen="1", reason="换季")
    assert "已停用" in off.text
    assert "换季" in off.text


def test_faults_are_told_with_their_line_and_nothing_typed_is_lost(client: httpx.Client) -> None:
    make(client)
    wrong = HEAT.replace("params.most", "parms.most")
    checked = send(client, "/rules/heat", text=wrong, act="check", based_on="1")
    assert checked.status_code == 200
    assert 'data-line="7"' in checked.text
    assert "when: m.temperature &gt; parms.most" in checked.text
    refused = send(client, "/rules/heat", text=wrong, act="save", based_on="1")
    assert (refused.status_code, 'data-line="7"' in refused.text) == (422, True)
    assert "parms.most</" not in client.get("/rules/heat").text
    failing = send(client, "/rules/heat", text=hot(19), act="check", based_on="1")
    assert "有测试未通过" in failing.text
    assert (
        "2 个测试全部通过" in send(client, "/rules/heat", text=HEAT, act="check", based_on="1").text
    )
    new = send(client, "/new-rule", of="/new-rule", text="id: x", act="save")
    assert (new.status_code, ">id: x</textarea>" in new.text) == (422, True)


def test_of_two_who_save_the_second_is_told_and_keeps_what_they_typed(client: httpx.Client) -> None:
    make(client)
    send(client, "/rules/heat", text=hot(36), act="save", based_on="1")
    late = send(client, "/rules/heat", text=hot(37), act="save", based_on="1", note="晚了")
    assert late.status_code == 409
    assert "有人抢先一步" in late.text
    assert "params: {most: 37}" in late.text
    assert 'value="晚了"' in late.text
    assert 'name="based_on" value="2"' in late.text
    again = send(client, "/rules/heat", text=hot(37), act="save", based_on="2")
    assert again.url.params["version"] == "3"


def test_what_does_not_prove_itself_is_not_put_in_force(client: httpx.Client) -> None:
    make(client)
    send(client, "/rules/heat", text=hot(19), act="save", based_on="1")
    refused = send(client, "/rules/heat/activate", version="2", seen="0", reason="试试")
    assert (refused.status_code, "测试未通过" in refused.text) == (422, True)
    assert "已停用" in refused.text
    silent = send(client, "/rules/heat/activate", version="1", seen="0", reason=" ")
    assert silent.status_code == 422
    late = send(client, "/rules/heat/activate", version="1", seen="7", reason="试试")
    assert (late.status_code, "有人抢先一步" in late.text) == (409, True)


def test_a_back_test_goes_on_when_the_page_is_closed_and_shows_its_chart(
    client: httpx.Client,
) -> None:
    make(client)
    begun = send(client, "/rules/heat", text=hot(40), act="backtest", based_on="1", days="7")
    assert begun.url.path.startswith("/backtests/")
    address = begun.url.path
    second = send(client, "/rules/heat", text=HEAT, act="backtest", based_on="1", days="7")
    assert second.status_code in {200, 409}  # the first may be done already
    deadline = time.monotonic() + 90
    while "完成" not in (page := client.get(address).text):
        assert "运行中" in page
        assert 'hx-trigger="every 1s"' in page
        assert '<meta http-equiv="refresh"' in page
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert "<svg viewBox=" in page
    assert "hx-trigger" not in page
    part = client.get(address, headers={"HX-Request": "true"}).text
    assert part.lstrip().startswith('<div id="backtest"')
    assert address in client.get("/rules/heat").text


def test_a_back_tests_page_names_devices_as_people_do(client: httpx.Client, site: Site) -> None:
    make(client)
    begun = send(client, "/rules/heat", text=HEAT, act="backtest", based_on="1", days="7")
    address, deadline = begun.url.path, time.monotonic() + 90
    while "完成" not in client.get(address).text:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    found = [{"entity": one, "alerts": 1, "occurrences": 1} for one in ("b3-501-fall", "b3", "x1")]
    with site.engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE backtests SET report ="
                " jsonb_set(report, '{tested,figures,entities}', CAST(:found AS jsonb))"
            ),
            {"found": json.dumps(found)},
        )
    said = re.findall(r'<li><span title="([^"]+)">([^<]+)</span><meter', client.get(address).text)
    assert dict(said) == {
        "b3-501-fall": "3 栋 2 单元 501 卫生间 毫米波雷达",
        "b3": "3 栋",
        "x1": "x1",  # nobody knows it any more
    }


def test_one_that_was_interrupted_says_so_and_another_release_does_not_break_the_page(
    client: httpx.Client, site: Site
) -> None:
    make(client)
    row = {"community_id": site.community, "rule_id": "heat", "version": 1, "text": HEAT, "days": 7}
    with transaction(site.engine) as session:
        job = repository.add(session, row | {"started_by": site.users["admin"]})
    running = client.get(f"/backtests/{job}").text
    assert "运行中" in running
    busy = send(client, "/rules/heat", text=HEAT, act="backtest", based_on="1", days="7")
    assert (busy.status_code, "另一个正在运行" in busy.text) == (409, True)
    with site.engine.begin() as connection:
        connection.execute(text("UPDATE backtests SET beat_at = beat_at - interval '1 min'"))
    assert "已中断" in client.get(f"/backtests/{job}").text
    with site.engine.begin() as connection:
        connection.execute(text("UPDATE backtests SET state = 'done', report = '{\"odd\": 1}'"))
    assert "另一版本" in client.get(f"/backtests/{job}").text


def test_it_is_cancelled_on_its_page(client: httpx.Client, site: Site) -> None:
    make(client)
    row = {"community_id": site.community, "rule_id": "heat", "version": 1, "text": HEAT, "days": 7}
    with transaction(site.engine) as session:
        job = repository.add(session, row | {"started_by": site.users["admin"]})
    path = f"/backtests/{job}"
    assert "已取消" in send(client, f"{path}/cancel", of=path).text


def test_who_may_only_read_sees_no_button(client: httpx.Client, site: Site) -> None:
    make(client)
    with site.engine.begin() as connection:
        connection.execute(text("UPDATE users SET role = 'auditor' WHERE username = 'admin'"))
    page = client.get("/rules/heat").text
    assert 'name="act"' not in page
    assert "readonly" in page
    assert client.get("/new-rule").status_code == 403
