"""How people are reached, set on pages that need no script."""

from __future__ import annotations

import re

import httpx
import pytest
from guarded_site import Site
from screens import log_in, send
from sinks import Sink
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from anju_platform.database import transaction
from anju_platform.notifications.model import Address, Channel


def test_a_person_adds_tries_and_removes_a_telephone(
    client: httpx.Client, site: Site, sink: Sink
) -> None:
    admin = log_in(client, "admin")
    calls = {"kind": "voice", "name": "电话", "slug": "calls", "url": sink.url}
    send(admin, "/channels", "/channels", **calls, enabled="true")
    text = send(admin, "/me/addresses", "/me", kind="phone", target="138 0000 2231").text
    assert "13800002231" in text
    assert "尚未验证" in text
    assert "没有人知道告警能否送达您" in text
    found = re.search(r"/me/addresses/(\d+)/test", text)
    assert found is not None
    said = re.search(r"(\d, ){5}\d", sink.received[0].json()["say"])  # the code is sent at once
    assert said is not None
    proof = f"/me/addresses/{found[1]}/proof"
    code = said[0].replace(", ", "")
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    assert "验证码不对" in send(admin, proof, "/me", code=wrong).text
    text = send(admin, proof, "/me", code=code).text
    assert "已验证" in text
    assert "没有人知道告警能否送达您" not in text
    again = send(admin, f"/me/addresses/{found[1]}/code", "/me")
    assert (again.status_code, "刚刚发送过" in again.text) == (422, True)
    with transaction(site.engine) as session:
        session.execute(update(Address).values(tried_at=None))
    assert "测试消息已发出" in send(admin, f"/me/addresses/{found[1]}/test", "/me").text
    assert sink.received[0].json()["to"] == "13800002231"
    again = send(admin, f"/me/addresses/{found[1]}/test", "/me")
    assert again.status_code == 422
    assert "刚刚发送过" in again.text
    with transaction(site.engine) as session:
        session.execute(update(Address).values(tried_at=None))
    sink.status = 503
    refused = send(admin, f"/me/addresses/{found[1]}/test", "/me").text
    assert "测试消息未发出：对方拒收 (503)" in refused
    assert "13800002231" not in send(admin, f"/me/addresses/{found[1]}/remove", "/me").text


def test_what_is_no_telephone_is_said(client: httpx.Client) -> None:
    answer = send(log_in(client, "liqiang"), "/me/addresses", "/me", kind="phone", target="abc")
    assert answer.status_code == 422
    assert "5 到 15 位数字" in answer.text


def test_an_administrator_makes_changes_and_removes_a_channel(
    client: httpx.Client, site: Site
) -> None:
    admin = log_in(client, "admin")
    url = "wecombot://693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa"
    made = send(
        admin, "/channels", "/channels",
        kind="robot", name="保安群", slug="guards", url=url, roles=["guard", "property"],
        per_minute="20", enabled="true",
    )  # fmt: skip
    assert "保安群" in made.text
    assert "每分钟 20 条" in made.text
    changed = send(
        admin, "/channels/guards", "/channels", kind="robot", name="值班群", roles=["guard"]
    )
    assert "值班群" in changed.text
    assert "已停用" in changed.text
    with Session(site.engine) as session:
        kept = session.scalars(select(Channel).where(Channel.slug == "guards")).one()
        assert (kept.url, kept.per_minute, kept.roles) == (url, None, ["guard"])
    assert "值班群" not in send(admin, "/channels/guards/remove", "/channels").text


def test_what_is_wrong_is_said_and_what_was_typed_in_stays(client: httpx.Client) -> None:
    admin = log_in(client, "admin")
    given = {"kind": "robot", "name": "保安群", "slug": "guards", "url": "nonsense://x"}
    answer = send(admin, "/channels", "/channels", **given, roles=["guard"])
    assert answer.status_code == 422
    assert "必须以下列之一开头" in answer.text
    assert 'value="保安群"' in answer.text
    assert "nonsense" not in answer.text  # it may hold a password


def test_a_voice_gateways_secret_is_shown_once(client: httpx.Client, sink: Sink) -> None:
    admin = log_in(client, "admin")
    made = send(
        admin, "/channels", "/channels", kind="voice", name="电话", slug="calls", url=sink.url
    )
    secret = re.search(r"<code>([\w-]{43})</code>", made.text)
    assert secret is not None
    assert secret[1] not in admin.get("/channels").text


@pytest.mark.parametrize("path", ["/channels", "/channels/push/test", "/channels/push/remove"])
def test_channels_are_for_administrators(client: httpx.Client, path: str) -> None:
    guard = log_in(client, "liqiang")
    answer = guard.get(path) if path == "/channels" else send(guard, path, "/me")
    assert answer.status_code == 403
    assert "/channels" not in guard.get("/me").text


def test_the_service_worker_is_ours_to_give_and_always_fresh(client: httpx.Client) -> None:
    answer = client.get("/sw.js")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cache-control"] == "no-cache"
    assert "showNotification" in answer.text


def test_whom_nothing_outside_reaches_is_named_to_administrators(client: httpx.Client) -> None:
    admin = log_in(client, "admin")
    assert re.search("只能在屏幕上通知到：.*陈涛", admin.get("/channels").text)
    send(admin, "/me/addresses", "/me", kind="phone", target="13800002231")
    page = admin.get("/channels").text
    assert not re.search("只能在屏幕上通知到：[^<]*陈涛", page)
    assert "联系方式未经验证：陈涛。" in page


def test_a_refused_change_of_a_channel_keeps_what_was_typed(client: httpx.Client) -> None:
    admin = log_in(client, "admin")
    key = "wecombot://693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa"
    made = {"kind": "robot", "name": "值班群", "slug": "guards", "url": key, "roles": ["guard"]}
    send(admin, "/channels", "/channels", **made, enabled="true")
    typed = {"kind": "robot", "name": "夜班群", "per_minute": "many", "position": "7"}
    refused = send(admin, "/channels/guards", "/channels", **typed, roles=["property"])
    assert (refused.status_code, "请填写整数" in refused.text) == (422, True)
    assert '<details class="change" open>' in refused.text
    for value in ("夜班群", "many", "7"):
        assert refused.text.count(f'value="{value}"') == 1
    row = refused.text.split('<details class="change" open>')[1].split("</details>")[0]
    assert 'value="property" checked' in row
    assert 'value="guard" checked' not in row
