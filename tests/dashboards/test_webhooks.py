"""Other systems that hear of alerts, set on pages that need no script."""

from __future__ import annotations

import re

import httpx
import pytest
from guarded_site import Site
from screens import log_in, send
from sinks import Sink
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from anju_platform.database import now, transaction
from anju_platform.notifications.outside.carriers.hosts import Hosts
from anju_platform.webhooks.model import Webhook, WebhookMessage
from anju_platform.webhooks.sending import Sender

ADD = {"name": "城市平台", "slug": "city", "least": "2", "enabled": "true"}


def test_a_system_is_added_tried_changed_and_removed(
    client: httpx.Client, site: Site, sink: Sink
) -> None:
    admin = log_in(client, "admin")
    assert "尚未向其他系统推送告警" in admin.get("/webhooks").text
    steps = ["raised", "closed"]
    made = send(admin, "/webhooks", "/webhooks", **ADD, url=sink.url, steps=steps, places="b3")
    secret = re.search(r"<code>(whsec_[\w+/=]{44})</code>", made.text)
    assert secret is not None
    assert secret[1] not in admin.get("/webhooks").text
    assert "测试消息已被接收" in send(admin, "/webhooks/city/test", "/webhooks").text
    assert sink.received[0].json()["type"] == "test"
    again = send(admin, "/webhooks/city/test", "/webhooks")
    assert again.status_code == 422
    other = send(admin, "/webhooks/city/secret", "/webhooks").text
    assert "旧密钥有效至" in other
    assert secret[1] not in other
    changed = send(
        admin, "/webhooks/city", "/webhooks", name="新名", least="1", steps=["raised"], places=""
    )
    assert "新名" in changed.text
    assert "已停用" in changed.text
    typed = {"name": "又一个", "url": "http://10.9.9.9/x", "places": "b1", "least": "2"}
    refused = send(admin, "/webhooks/city", "/webhooks", **typed, steps=["closed"]).text
    assert '<details class="change" open>' in refused
    for value in ("又一个", "http://10.9.9.9/x", "b1"):
        assert refused.count(f'value="{value}"') == 1  # in the row that was to change, not below
    with Session(site.engine) as session:
        kept = session.scalars(select(Webhook)).one()
        assert (kept.url, kept.steps, kept.least, kept.places) == (sink.url, ["raised"], 1, [])
    assert "新名" not in send(admin, "/webhooks/city/remove", "/webhooks").text


def test_what_is_wrong_is_said_and_what_was_typed_in_stays(client: httpx.Client) -> None:
    admin = log_in(client, "admin")
    for changed, said in (
        ({"url": "http://10.0.0.1/secret"}, "必须以 https:// 开头"),
        ({"url": "https://x.example.org/secret", "places": "b99"}, "没有位置 b99"),
        ({"url": "https://x.example.org/secret", "steps": []}, "推送内容"),
    ):
        given = {**ADD, "steps": ["raised"], **changed}
        answer = send(admin, "/webhooks", "/webhooks", **given)
        assert answer.status_code == 422
        assert said in answer.text
        assert 'value="城市平台"' in answer.text
        assert "/secret" not in answer.text.partition("</h2>")[2]  # it may hold a password


def test_what_was_not_taken_is_seen_and_sent_again(
    client: httpx.Client, site: Site, sink: Sink
) -> None:
    admin = log_in(client, "admin")
    send(admin, "/webhooks", "/webhooks", **ADD, url=sink.url, steps=["raised"])
    sink.status = 503
    alert = site.raise_alert()
    sender = Sender(site.engine, Hosts(["127.0.0.1"]), "https://anju.example")
    sender.turn()
    sender._close()
    with transaction(site.engine) as session:
        session.execute(update(WebhookMessage).values(state="dead"))
        session.execute(update(Webhook).values(paused_at=now()))
    assert "已放弃 1 条" in admin.get("/webhooks").text
    page = admin.get("/webhooks/city").text
    assert f"/alerts/{alert}" in page
    assert "对方拒收 (503)" in page
    refused = send(admin, "/webhooks/city/messages/redeliver", "/webhooks/city")
    assert refused.status_code == 422
    assert "连续数天未接收" in admin.get("/webhooks").text
    assert "连续数天未接收" not in send(admin, "/webhooks/city/resume", "/webhooks").text
    assert "待发" in send(admin, "/webhooks/city/messages/redeliver", "/webhooks/city").text
    with Session(site.engine) as session:
        assert session.scalars(select(WebhookMessage.state)).all() == ["queued"]


@pytest.mark.parametrize("path", ["/webhooks", "/webhooks/city", "/webhooks/city/secret"])
def test_webhooks_are_for_administrators(client: httpx.Client, path: str) -> None:
    guard = log_in(client, "liqiang")
    answer = send(guard, path, "/me") if path.endswith("secret") else guard.get(path)
    assert answer.status_code == 403
