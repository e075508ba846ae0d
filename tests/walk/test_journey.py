"""The journey of a cry for help: button, wall, a daughter's telephone, somebody who has it.

Real device lines, edge agent, broker, ingest, worker, web process and two browsers; the push
service is a sink, which opens what is sealed and gives the receipt as a service worker does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import httpx
import pytest
from devices_on_wire import NativeClient
from playwright.sync_api import Browser, Page, expect
from sinks import Browser as Subscriber
from sinks import Sink

from anju_platform.demo.stage import Stage

pytestmark = pytest.mark.browser


@pytest.fixture(autouse=True)
def _pushes_stay_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANJU_INSIDE_PUSH_HOSTS", "127.0.0.1,localhost")


@pytest.fixture
def push_service() -> Iterator[Sink]:
    sink = Sink()
    yield sink
    sink.stop()


@pytest.fixture
def daughter(stage: Stage, chromium: Browser) -> Iterator[Page]:
    """The family's page on a telephone."""
    context = chromium.new_context(base_url=stage.url, viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.goto("/login?next=/")
    page.fill("[name=username]", "family")
    page.fill("[name=password]", stage.site.passwords["family"])
    page.click("form.login button")
    page.wait_for_url("**/family")
    yield page
    context.close()


def button_of(stage: Stage, home: str) -> tuple[str, str]:
    """Give the emergency button of a home and its gateway."""
    device = next(
        d
        for d in stage.site.community["devices"]
        if d["model"] == "sos_button" and d.get("household") == home
    )
    return device["slug"], device["gateway"]


def asks(page: Page, path: str) -> dict[str, object]:
    answer = page.request.get(f"/api/v1/{path}")
    assert answer.ok, answer.text()
    found: dict[str, object] = answer.json()
    return found


def ringing(page: Page, service: Sink) -> Subscriber:
    """Let this person's telephone ring by a push service."""
    telephone = Subscriber(f"{service.url}/push/daughter")
    headers = {"X-CSRF-Token": page.request.get("/api/v1/session").json()["csrf"]}
    path = "/api/v1/me/push"
    assert page.request.post(path, data=telephone.subscription(), headers=headers).ok
    return telephone


def rings(telephone: Subscriber, service: Sink) -> str:
    """Wait until the telephone rings and says so; gives where a tap on it leads."""
    assert service.comes.wait(20)
    said = telephone.opens(service.received[0])
    assert said["title"].startswith("P1")
    assert httpx.post(said["receipt"], json={"kind": "delivered"}).status_code == 204
    return str(said["url"])


def pressed(stage: Stage, home: str) -> NativeClient:
    """Press the emergency button of a home."""
    slug, gateway = button_of(stage, home)
    client = NativeClient.to(
        stage.site.edge_folder(gateway), stage.site.native_token_file, {slug: "sos_button"}
    )
    client.send(slug, event="pressed", values={"battery": 90}, id="sos-1")
    client.wait_kept()
    return client


def the_end(wall: Page, daughter: Page, alert: str) -> None:
    """Close it with a cause, and see on both screens that it is over."""
    wall.keyboard.press("c")
    dialog = wall.locator("dialog#ask")
    dialog.locator("input[value=true]").check()
    dialog.locator(".confirm").click()
    expect(wall.locator("li.alert")).to_have_count(0)
    kinds = [step["kind"] for step in asks(wall, f"alerts/{alert}")["timeline"]]  # type: ignore[attr-defined]
    assert "escalated" not in kinds
    assert [k for k in kinds if k in {"raised", "going", "acked", "closed"}] == [
        "raised",
        "going",
        "acked",
        "closed",
    ]
    expect(daughter.locator(".lately")).to_contain_text("李强 结案", timeout=15_000)
    expect(daughter.locator(".card.alert")).to_have_count(0)


def test_a_cry_for_help_from_the_button_to_the_end(
    stage: Stage, open_wall: Callable[[str], Page], daughter: Page, push_service: Sink
) -> None:
    wall = open_wall("guard")
    expect(wall.locator("#no-alerts")).to_be_visible()
    telephone = ringing(daughter, push_service)
    expect(daughter.locator(".state")).to_contain_text("防护已中断")  # nothing has reported yet
    home = daughter.request.get("/api/v1/homes").json()[0]["slug"]

    button = pressed(stage, home)

    row = wall.locator("li.alert").first  # the wall rings
    expect(row).to_have_attribute("data-loud", "true")
    expect(row).to_have_attribute("data-handling", "unacked")
    alert = row.get_attribute("data-id")

    url = rings(telephone, push_service)
    assert url == f"{stage.url}/family/alerts/{alert}"
    told = [d for d in asks(wall, f"alerts/{alert}")["deliveries"] if d["channel"] == "push"]  # type: ignore[attr-defined]
    assert [one["state"] for one in told] == ["delivered"]

    daughter.goto(url)  # as a tap on it does
    daughter.wait_for_url(f"**/family?home={home}")
    expect(daughter.locator(".state")).to_contain_text("紧急情况")
    daughter.click("text=我去看看")
    expect(row).to_contain_text("家属 张敏 正在赶去")
    expect(row).to_have_attribute("data-loud", "true")  # a life stays with the desk
    detail = asks(wall, f"alerts/{alert}")
    assert detail["next_step"] is not None

    row.click()
    wall.keyboard.press("Space")  # somebody has it: nobody else is called
    expect(row).to_have_class(re.compile("acked"))
    expect(row).to_have_attribute("data-loud", "false")
    detail = asks(wall, f"alerts/{alert}")
    assert (detail["next_step"], detail["ack_until"] is not None) == (None, True)
    expect(daughter.locator(".state")).to_contain_text("正在处理", timeout=15_000)
    expect(daughter.locator(".card.alert")).to_contain_text("李强 处理中")

    the_end(wall, daughter, str(alert))
    life = asks(open_wall("property"), "reports/day")["answers"][0]  # type: ignore[index]
    assert (life["alerts"], life["answered"], life["waiting"]) == (1, 1, 0)
    assert life["targets"][0]["kept"] == 1.0
    button.close()
