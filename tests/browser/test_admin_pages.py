"""What installers and administrators use, in a real browser: the plan's editor, rules, sizes."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import pytest
from axe_playwright_python.sync_playwright import Axe
from guarded_site import Site
from lived_in import record_day
from PIL import Image, ImageDraw
from playwright.sync_api import Page, expect
from rule_editor import HEAT

from anju_platform.backtest.jobs import repository, running
from anju_platform.database import transaction
from anju_platform.registry.model import Device, PlanPicture
from anju_platform.registry.plan.pictures import draw_anew
from anju_platform.rulebook.texts import library_texts

pytestmark = pytest.mark.browser
Open = Callable[..., Page]
SIZES = {"wall": (1920, 1080), "laptop": (1280, 720), "phone": (390, 844)}
PATHS = (
    "/rules",
    "/rules/smoke",
    "/new-rule",
    "/backtests/1",
    "/backtests/2",
    "/places",
    "/places?at=b3-501",
    "/places/plan?within=b1",
    "/audit",
    "/shelved",
    "/waiting-devices",
    "/devices/b3-501-sos",
)
HERE = "/places/plan?within=b1"


def drawing() -> bytes:
    image = Image.new("RGB", (850, 1000), "white")
    ImageDraw.Draw(image).rectangle([70, 100, 270, 210], outline="black", width=4)
    written = BytesIO()
    image.save(written, "PNG")
    return written.getvalue()


def has_picture(site: Site) -> None:
    drawn = draw_anew(drawing())
    values = {"community_id": site.community, "sha256": "0" * 64, "x": 0, "y": 0, "version": 1}
    with transaction(site.engine) as session:
        session.add(
            PlanPicture(
                content=drawn.content,
                content_type=drawn.content_type,
                bright=drawn.bright,
                width=170,
                height=200,
                **values,
            )
        )


def a_back_test(site: Site) -> int:
    said = library_texts()["battery-low"].replace("least: 20", "least: 15")
    row = {"community_id": site.community, "rule_id": "battery-low", "version": 2, "text": said}
    with transaction(site.engine) as session:
        job = repository.add(session, row | {"days": 7, "started_by": site.users["admin"]})
    assert job is not None
    return job


def stands(site: Site, slug: str) -> tuple[float | None, float | None]:
    with transaction(site.engine) as session:
        device = session.get_one(Device, site.devices[slug])
        return device.x, device.y


@pytest.mark.parametrize("size", SIZES)
def test_pages_fit_their_window_and_are_accessible(open_page: Open, site: Site, size: str) -> None:
    has_picture(site)
    record_day(site, "b3-501-sos", "sos_button", {"battery": [60, 12, 9]})
    running.run(site.engine, a_back_test(site))
    a_back_test(site)
    site.raise_alert(shelf={"minutes": 5, "reason": "x", "asked_by": 1, "asked_at": 4102444800000})
    page = open_page("admin", path="/rules", size=SIZES[size], reduced_motion="reduce")
    wrong = {}
    for path in PATHS:
        page.goto(path)
        page.wait_for_timeout(500)
        over = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        faults = [
            (fault["id"], fault["nodes"][0]["html"][:200])
            for fault in Axe().run(page).response["violations"]
            if fault["impact"] in {"serious", "critical"}
        ]
        if over or faults:
            wrong[path] = (over, faults)
    assert wrong == {}


def test_a_device_is_placed_by_drag_by_keys_and_by_typing(open_page: Open, site: Site) -> None:
    has_picture(site)
    page = open_page("admin", path="/places", size=SIZES["laptop"])
    page.goto(HERE)
    door, sos = (
        page.locator(f'.leaflet-marker-icon[data-slug="{s}"]') for s in ("b1-door", "b1-101-sos")
    )
    row = page.locator('tr[data-slug="b1-door"]')
    box = door.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 16, box["y"] + 16)
    page.mouse.down()
    page.mouse.move(box["x"] + 60, box["y"] + 40, steps=5)
    page.mouse.up()
    expect(row.locator("[name=x]")).not_to_have_value("")
    dragged = float(row.locator("[name=x]").input_value())
    sos.focus()
    for key in ("ArrowRight", "Shift+ArrowDown"):
        page.keyboard.press(key)
    fields = page.locator('tr[data-slug="b1-101-sos"]')
    x, y = (float(fields.locator(f"[name={name}]").input_value()) for name in "xy")
    page.locator('tr[data-slug="b1-101-smoke"] [name=x]').fill("21.5")
    page.locator('tr[data-slug="b1-101-smoke"] [name=y]').fill("27")
    assert stands(site, "b1-door") == (None, None)
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_text("已保存：3 台设备换了位置")).to_be_visible()
    assert stands(site, "b1-door")[0] == dragged
    assert stands(site, "b1-101-sos") == (x, y)
    assert stands(site, "b1-101-smoke") == (21.5, 27)


def test_of_two_browsers_the_second_sees_both_positions_and_decides(
    open_page: Open, site: Site
) -> None:
    first, second = (open_page("admin", path="/places", size=SIZES["laptop"]) for _ in range(2))
    for page, x in ((first, "20"), (second, "26")):
        page.goto(HERE)
        page.locator('tr[data-slug="b1-door"] [name=x]').fill(x)
        page.locator('tr[data-slug="b1-door"] [name=y]').fill("31")
    for page in (first, second):
        page.get_by_role("button", name="保存").click()
    expect(first.get_by_text("已保存：1 台设备换了位置")).to_be_visible()
    row = second.locator("tr.theirs")
    expect(row).to_contain_text("有人放在 20, 31")
    expect(row.locator("[name=x]")).to_have_value("26")
    assert stands(site, "b1-door") == (20, 31)
    second.get_by_role("button", name="保存").click()
    expect(second.get_by_text("已保存：1 台设备换了位置")).to_be_visible()
    assert stands(site, "b1-door") == (26, 31)


def test_the_form_places_devices_without_a_script_too(open_page: Open, site: Site) -> None:
    page = open_page("admin", path="/places", java_script_enabled=False)
    page.goto(HERE)
    page.locator('tr[data-slug="b1-door"] [name=x]').fill("20")
    page.locator('tr[data-slug="b1-door"] [name=y]').fill("31")
    page.locator("form.standing button.primary").click()
    expect(page.get_by_text("已保存：1 台设备换了位置")).to_be_visible()
    assert stands(site, "b1-door") == (20, 31)


def test_an_uploaded_plan_lies_under_the_wall_as_its_negative(open_page: Open) -> None:
    page = open_page("admin", path="/places/plan", size=SIZES["laptop"])
    page.get_by_text("平面图底图").click()
    page.set_input_files(
        "[name=picture]", {"name": "plan.png", "mimeType": "image/png", "buffer": drawing()}
    )
    page.get_by_role("button", name="放置图片").click()
    expect(page.locator("img.plan-picture.bright")).to_be_visible()
    page.goto("/wall")
    picture = page.locator("site-map img.plan-picture.bright")
    expect(picture).to_be_visible()
    width = picture.evaluate("it => it.decode().then(() => it.naturalWidth)")
    assert width == 850
    assert "invert(1)" in picture.evaluate("it => getComputedStyle(it).filter")


def test_a_fault_leads_to_its_line_and_progress_shows_by_itself(
    open_page: Open, site: Site
) -> None:
    page = open_page("admin", path="/new-rule", size=SIZES["laptop"])
    page.locator("#text").fill(HEAT.replace("params.most", "parms.most"))
    page.get_by_role("button", name="检查并测试").click()
    page.wait_for_load_state("load")
    page.get_by_role("link", name="第 7 行").click()
    chosen = page.evaluate(
        "() => { const t = document.getElementById('text');"
        " return t.value.slice(t.selectionStart, t.selectionEnd); }"
    )
    assert chosen == "when: m.temperature > parms.most"
    job = a_back_test(site)
    page.goto(f"/backtests/{job}")
    expect(page.locator("progress")).to_have_attribute("value", "0.0")
    with transaction(site.engine) as session:
        repository.beat(session, job, 0.5)
    expect(page.locator("progress")).to_have_attribute("value", "0.5")
    page.get_by_role("button", name="取消").click()
    expect(page.get_by_text("已取消")).to_be_visible()
