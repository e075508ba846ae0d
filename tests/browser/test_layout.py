"""Every page in every size and language: nothing runs out of the window, axe finds no fault."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest
from axe_playwright_python.sync_playwright import Axe
from guarded_site import Site
from lived_in import record_day
from playwright.sync_api import Page, expect

from anju_platform.database import now, transaction
from anju_platform.notifications import listing
from anju_platform.notifications.model import Address, Channel
from anju_platform.webhooks.model import MessageState, Webhook, WebhookMessage
from anju_platform.webhooks.schemas import Step

pytestmark = pytest.mark.browser
Open = Callable[..., Page]
SIZES = {"wall": (1920, 1080), "laptop": (1280, 720), "phone": (390, 844)}
SERIOUS = {"serious", "critical"}


def furnish(site: Site) -> list[str]:
    """Give the site something to show; give the pages that show it."""
    fall = site.raise_alert(evidence={"values": {"still_s": 38.0}, "data": {}})
    site.raise_alert("消防通道被占用", "Fire lane blocked", severity=2, device="cam-07")
    site.raise_alert("用水不足", "Little water used", severity=3, device="b1-301-water")
    site.raise_alert("电池电量低", "Battery low", severity=4, device="b2-301-sos")
    record_day(site, "b3-501-fall", "fall_radar", {"still_s": [0, 3, 9, 22, 38]})
    has_channels(site)
    has_webhooks(site)
    paths = [
        "/wall",
        "/alerts",
        "/devices",
        "/devices/b3-501-fall",
        "/nothing",
        "/me",
        "/me/second-factor",
        "/me/tokens",
        "/channels",
        "/webhooks",
        "/webhooks/city",
        "/people",
        "/reports",
    ]
    return [*paths, f"/alerts/{fall}", f"/alerts/{fall}/close", f"/alerts/{fall}/dispatch"]


def has_channels(site: Site) -> None:
    """Give the community a chat group, a telephone gateway that fails, and staff addresses."""
    robot = {"slug": "wecom", "kind": "robot", "name": "保安值班群", "url": "wecombot://k"}
    calls = {
        "slug": "calls",
        "kind": "voice",
        "name": "电话",
        "url": "https://calls.example.org",
    }
    with transaction(site.engine) as session:
        listing.provide_push(session, site.community)
        for position, values in enumerate((robot | {"roles": ["guard"]}, calls), start=1):
            channel = Channel(community_id=site.community, position=position, recent=[], failures=0)
            for name, value in ({"roles": []} | values).items():
                setattr(channel, name, value)
            session.add(channel)
        channel.failing_since, channel.error = now(), "no answer within 7 s"
        for user_id in site.users.values():
            for kind, label in (("phone", "13800002231"), ("push", "Chrome, Android")):
                where = {"user_id": user_id, "kind": kind, "target": f"{label} {user_id}"}
                session.add(Address(**where, label=label, created_at=now()))


def has_webhooks(site: Site) -> None:
    """Let two other systems hear of alerts: one that takes nothing any more, with its messages."""
    made = {"community_id": site.community, "url": "https://city.example.org/x", "secret": "whsec_"}
    hears = {"steps": list(Step), "least": 2, "places": ["b3"], "created_at": now()}
    with transaction(site.engine) as session:
        session.add(
            Webhook(slug="tickets", name="工单系统", failures=0, ok_at=now(), **made, **hears)
        )
        city = Webhook(slug="city", name="城市安全平台", failures=9, **made, **hears)
        city.error, city.failing_since, city.paused_at = "it was refused (503)", now(), now()
        session.add(city)
        session.flush()
        for n, state in enumerate(MessageState):
            one = WebhookMessage(
                webhook_id=city.id, message_id=uuid4(), alert_id=uuid4(), kind="raised", body="{}"
            )
            one.state, one.attempts, one.error = state, n, "no answer within 7 s"
            one.created_at = one.next_attempt_at = one.expires_at = now()
            session.add(one)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("username", ["liqiang", "grace"])
def test_pages_fit_their_window(open_page: Open, site: Site, size: str, username: str) -> None:
    paths = furnish(site)
    page = open_page(username, size=SIZES[size])
    for path in paths:
        page.goto(path)
        page.wait_for_timeout(300)
        over = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert (path, over) == (path, 0)


@pytest.mark.parametrize("size", ["laptop", "phone"])
def test_what_administrators_set_fits_its_window(open_page: Open, site: Site, size: str) -> None:
    furnish(site)
    page = open_page("admin", size=SIZES[size])
    for path in ("/channels", "/webhooks", "/webhooks/city"):
        page.goto(path)
        if page.locator("details.change").count():
            page.locator("details.change summary").first.click()
        over = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert (path, over) == (path, 0)


@pytest.mark.parametrize("size", SIZES)
def test_the_system_page_holds_the_numbers_of_a_large_site(open_page: Open, size: str) -> None:
    page = open_page("admin", path="/system", size=SIZES[size])
    expect(page.locator(".tiles strong")).to_have_count(8)
    over = page.evaluate("""() => {
      document.querySelectorAll(".tiles strong")[1].textContent = "12,603 / 12,604";
      const boxes = [document.documentElement, ...document.querySelectorAll(".tiles li > div")];
      return boxes.map((box) => box.scrollWidth - box.clientWidth);
    }""")
    assert over == [0] * 9
    cell = page.locator("table.cards td.main").first
    assert cell.evaluate("it => getComputedStyle(it).display") != "contents"


@pytest.mark.parametrize("size", ["wall", "phone"])
def test_pages_are_accessible(open_page: Open, site: Site, size: str) -> None:
    paths = furnish(site)
    page = open_page("admin", size=SIZES[size], reduced_motion="reduce")
    found = {}
    for path in [*paths, "/system", "/login"]:
        page.goto(path)
        page.wait_for_timeout(500)
        faults = [
            (fault["id"], fault["nodes"][0]["html"][:200])
            for fault in Axe().run(page).response["violations"]
            if fault["impact"] in SERIOUS
        ]
        if faults:
            found[path] = faults
    assert found == {}


def test_on_a_phone_the_list_comes_first_and_the_plan_is_one_tap_away(
    open_page: Open, site: Site
) -> None:
    alert = site.raise_alert()
    page = open_page(size=SIZES["phone"], has_touch=True)
    expect(page.locator("#alerts")).to_be_visible()
    expect(page.locator("site-map")).to_be_hidden()
    page.tap("[data-tab=map]")
    expect(page.locator("site-map .spot")).to_be_visible()
    page.tap("[data-tab=list]")
    page.tap(f"#alert-{alert} a")
    page.wait_for_url(f"**/alerts/{alert}")
    page.tap("[data-do=acknowledge]")
    expect(page.locator(".done")).to_be_visible()


def test_nothing_pulses_under_reduced_motion(open_page: Open, site: Site) -> None:
    site.raise_alert()
    page = open_page(reduced_motion="reduce")
    spot = page.locator("site-map .spot.unacked")
    expect(spot).to_be_visible()
    assert spot.evaluate("e => getComputedStyle(e, '::before').animationName") == "none"


def test_a_printed_alert_is_dark_on_white(open_page: Open, site: Site) -> None:
    alert = site.raise_alert()
    page = open_page(path=f"/alerts/{alert}")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == (
        "rgb(255, 255, 255)"
    )
    expect(page.locator(".actions")).to_be_hidden()
    expect(page.locator(".letterhead")).to_contain_text("李强 打印于")


def test_an_alerts_own_page_is_live(open_page: Open, site: Site) -> None:
    alert = site.raise_alert()
    page = open_page(path=f"/alerts/{alert}")
    expect(page.locator('.live[data-state="live"]')).to_be_visible()
    other = site.users["wanglei"]
    site.change(alert, handling="acked", acked_by=other, owner_id=other)
    expect(page.locator(".incident .state")).to_contain_text("王磊 处理中")


def test_a_chart_zooms_and_comes_back(open_page: Open, site: Site) -> None:
    record_day(site, "b3-501-fall", "fall_radar", {"still_s": list(range(60))})
    page = open_page(path="/devices/b3-501-fall?hours=1")
    chart = page.locator("time-chart[data-url$='field=still_s'] .u-over")
    expect(chart).to_be_visible()
    box = chart.bounding_box()
    assert box is not None
    with page.expect_response("**/series?*") as asked:
        page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 20)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + 30, steps=5)
        page.mouse.up()
    assert asked.value.ok
    expect(chart).to_be_visible()
    with page.expect_response("**/series?*"):
        chart.dblclick()


def test_a_charts_choices_are_in_the_pages_language(open_page: Open, site: Site) -> None:
    record_day(site, "b3-501-fall", "fall_radar", {"posture": [3, 3, 3]})  # lying
    page = open_page(path="/devices/b3-501-fall?hours=1")
    chart = page.locator("time-chart[data-url$='field=posture']")
    box = chart.locator(".u-over").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + 20)
    expect(chart.locator(".u-legend .u-value").last).to_have_text("躺着")


def test_what_cannot_be_pressed_is_not_offered(open_page: Open, site: Site) -> None:
    site.raise_alert()
    page = open_page("grace", size=(1280, 720))
    page.mouse.click(640, 700)
    siren = page.locator('siren-button[data-state="sounding"] button').bounding_box()
    assert siren is not None
    assert siren["height"] < 56  # within the bar, in English too
    keys, below = page.locator(".wall .keys"), page.locator("#below")
    for number in range(8):
        site.raise_alert(f"告警 {number}", f"Alert {number}", severity=2)
    expect(below).to_be_visible()
    upper, lower = below.bounding_box(), keys.bounding_box()
    assert upper is not None
    assert lower is not None
    assert upper["y"] + upper["height"] <= lower["y"]
    page.set_viewport_size({"width": 1024, "height": 768})  # no panel for the keys to act on
    expect(keys).to_be_hidden()
    page.set_viewport_size({"width": 390, "height": 844})
    page.context.clear_cookies()
    page.goto("/login")
    form = page.locator("form.login").bounding_box()
    assert form is not None
    assert form["width"] > 300
