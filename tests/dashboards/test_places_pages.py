"""Places and the plan on pages that need no script, and devices that wait to be known."""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any

import httpx
import pytest
from guarded_site import Site
from PIL import Image
from role_people import speaks_unknown
from screens import csrf_of, log_in

from anju_platform.database import transaction
from anju_platform.registry.model import Device, Place


@pytest.fixture
def installer(client: httpx.Client) -> httpx.Client:
    return log_in(client, "admin")


def send(client: httpx.Client, path: str, *, of: str, **said: Any) -> httpx.Response:
    return client.post(path, data={"csrf": csrf_of(client.get(of).text), **said})


def fields(page: str, name: str) -> list[str]:
    return re.findall(rf'name="{name}"[^>]*value="([^"]*)"', page)


def place(site: Site, slug: str) -> Place:
    with transaction(site.engine) as session:
        return session.query(Place).filter_by(slug=slug).one()


# -- the tree ------------------------------------------------------------------------------


def test_places_are_added_renamed_and_moved(installer: httpx.Client, site: Site) -> None:
    of = "/places?at=b1"
    said = {"parent": "b1", "label": "1 栋 地下室", "label_en": "Building 1, cellar"}
    assert "1 栋 地下室" in send(installer, "/places", of=of, kind="room", slug="", **said).text
    stamp = fields(installer.get("/places?at=b1-1").text, "stamp")[0]
    moved = send(
        installer,
        "/places/b1-1/change",
        of=of,
        **said | {"label": "2 栋 地下室", "parent": "b2", "kind": "room", "stamp": stamp},
    )
    assert "2 栋" in moved.text
    assert place(site, "b1-1").parent_id == site.places["b2"]


def test_what_is_missing_is_asked_for_and_what_was_typed_stays(installer: httpx.Client) -> None:
    of = "/places?at=b1"
    said = {"parent": "b1", "label": "地下室", "label_en": "", "kind": "room"}
    answer = send(installer, "/places", of=of, **said)
    assert (answer.status_code, "缺少英文名称" in answer.text) == (422, True)
    assert 'value="地下室"' in answer.text
    odd = send(installer, "/places", of=of, **said | {"label_en": "Cellar", "slug": "Not Good"})
    assert (odd.status_code, "编号由小写字母" in odd.text) == (422, True)


def test_of_two_editors_the_second_sees_both(installer: httpx.Client) -> None:
    of = "/places?at=garden"
    stamp = fields(installer.get(of).text, "stamp")[0]
    said = {"label_en": "Garden", "kind": "gate", "parent": "root", "stamp": stamp}
    send(installer, "/places/garden/change", of=of, label="大花园", **said)
    late = send(installer, "/places/garden/change", of=of, label="小花园", **said)
    assert late.status_code == 409
    assert "现在是“大花园”" in late.text
    assert 'name="label" required maxlength="100" value="小花园"' in late.text
    fresh = said | {"stamp": fields(late.text, "stamp")[0]}
    assert "小花园" in send(installer, "/places/garden/change", of=of, label="小花园", **fresh).text


def test_only_what_is_empty_may_be_retired_and_comes_back(installer: httpx.Client) -> None:
    assert "停用</button>" not in installer.get("/places?at=b1").text
    of = "/places?at=garden"
    stamp = fields(installer.get(of).text, "stamp")[0]
    gone = send(installer, "/places/garden/state", of=of, retired="true", stamp=stamp)
    assert "停用。当时的告警仍会显示它" in gone.text
    assert "中心花园" not in installer.get("/places?at=root").text
    assert "中心花园" in installer.get("/places?at=root&retired=true").text
    stamp = fields(gone.text, "stamp")[0]
    back = send(installer, "/places/garden/state", of=of, retired="false", stamp=stamp)
    assert "改名或移动" in back.text
    assert "b3-501" in installer.get("/places?text=501").text


# -- the plan ------------------------------------------------------------------------------


def rows(page: str, **typed: tuple[str, str]) -> dict[str, Any]:
    """Give the form's fields, some of them typed over."""
    page = page.split('<form class="standing"')[1].split("</form>", maxsplit=1)[0]
    found: dict[str, Any] = {n: fields(page, n) for n in ("slug", "x", "y", "was_x", "was_y")}
    for slug, (x, y) in typed.items():
        number = found["slug"].index(slug.replace("_", "-"))
        found["x"][number], found["y"][number] = x, y
    return found


def test_devices_are_placed_by_typing_metres(installer: httpx.Client, site: Site) -> None:
    of = "/places/plan?within=b1"
    typed = rows(installer.get(of).text, b1_door=("20", "31"))
    saved = send(installer, "/places/plan", of=of, within="b1", **typed)
    assert "1 台设备换了位置" in saved.text
    with transaction(site.engine) as session:
        door = session.get_one(Device, site.devices["b1-door"])
        assert (door.x, door.y) == (20, 31)
    wrong = send(
        installer, "/places/plan", of=of, within="b1", **rows(saved.text, b1_door=("ab", "1"))
    )
    assert (wrong.status_code, "12.5" in wrong.text) == (422, True)
    assert 'value="ab"' in wrong.text
    far = send(
        installer, "/places/plan", of=of, within="b1", **rows(saved.text, b1_door=("999", "1"))
    )
    assert (far.status_code, "0 到 170 米" in far.text) == (422, True)


def test_what_another_moved_meanwhile_stands_beside_what_was_typed(installer: httpx.Client) -> None:
    of = "/places/plan?within=b1"
    seen = installer.get(of).text
    send(installer, "/places/plan", of=of, within="b1", **rows(seen, b1_door=("20", "31")))
    mine = rows(seen, b1_door=("25", "35"), b1_101_sos=("18", "24"))
    late = send(installer, "/places/plan", of=of, within="b1", **mine)
    assert late.status_code == 409
    assert "有人放在 20, 31" in late.text
    assert "已保存 1 台" in late.text
    again = send(installer, "/places/plan", of=of, within="b1", **rows(late.text))
    assert "1 台设备换了位置" in again.text
    assert rows(again.text)["x"][rows(again.text)["slug"].index("b1-door")] == "25"


def upload(client: httpx.Client, content: bytes, **said: str) -> httpx.Response:
    token = csrf_of(client.get("/places/plan").text)
    return client.post(
        "/places/plan/picture",
        data={"csrf": token, **said},
        files={"picture": ("plan.png", content, "image/png")},
    )


def png(size: tuple[int, int] = (1600, 1200)) -> bytes:
    written = BytesIO()
    Image.effect_noise(size, 60).save(written, "PNG")
    return written.getvalue()


def test_a_picture_is_uploaded_moved_and_taken_away(installer: httpx.Client) -> None:
    large = png()
    assert len(large) > 1_100_000  # it does not fit a form's usual body, nor memory's spool
    put = upload(installer, large, width="170", x="0", y="0", seen="0")
    assert put.url.path == "/places/plan"
    assert installer.get("/api/v1/plan").json()["picture"]["width"] == 170
    wider = upload(installer, b"", width="180", x="-5", y="0", seen="1")
    assert wider.status_code == 200
    picture = installer.get("/api/v1/plan").json()["picture"]
    assert (picture["width"], picture["x"], picture["height"], picture["version"]) == (
        180,
        -5,
        135,
        2,
    )
    late = upload(installer, png((9, 9)), width="170", seen="1")
    assert (late.status_code, "有人换了图片" in late.text) == (409, True)
    svg = upload(installer, b"<svg onload='x'/>", width="170", seen="2")
    assert (svg.status_code, "SVG 不是图片" in svg.text) == (422, True)
    nothing = upload(installer, png((9, 9)), width="", seen="2")
    assert (nothing.status_code, "实际宽度" in nothing.text) == (422, True)
    gone = send(installer, "/places/plan/picture/remove", of="/places/plan", seen="2")
    assert gone.status_code == 200
    assert installer.get("/api/v1/plan").json()["picture"] is None


def test_a_stranger_lays_nothing_under_the_plan(client: httpx.Client) -> None:
    sent = client.post(
        "/places/plan/picture",
        files={"picture": ("plan.png", b"x" * 2_000_000, "image/png")},
        follow_redirects=False,
    )
    assert sent.status_code == 401


# -- devices that wait ---------------------------------------------------------------------


def test_a_device_that_speaks_is_approved_into_its_home(
    installer: httpx.Client, site: Site
) -> None:
    speaks_unknown(site, "zb-1", motion=True, battery=80)
    assert "有 1 台设备在上报" in installer.get("/devices").text
    page = installer.get("/waiting-devices").text
    first = re.search(r'<select name="model"><option value="(\w+)"', page)
    assert first is not None
    assert first.group(1) == "pir"  # what it said fits
    of, said = "/waiting-devices", {"slug": "zb-1", "gateway": "gw-west", "model": "pir"}
    nowhere = send(installer, of, of=of, place="", **said)
    assert (nowhere.status_code, "请填写位置编号" in nowhere.text) == (422, True)
    done = send(installer, of, of=of, place="b3-501-bath", **said)
    assert done.url.path == "/devices/zb-1"
    with transaction(site.engine) as session:
        device = session.query(Device).filter_by(slug="zb-1").one()
        assert device.household_id == site.households["b3-501"]
        assert device.name == "人体感应器"
    assert "没有待批准的设备" in installer.get(of).text
    twice = send(installer, of, of=of, place="b3-501-bath", **said)
    assert (twice.status_code, "已有设备“zb-1”" in twice.text) == (409, True)
    unknown = send(installer, of, of=of, place="b99", **said | {"slug": "zb-2"})
    assert (unknown.status_code, "本小区的位置中没有“b99”" in unknown.text) == (422, True)


def test_a_broken_device_is_replaced_and_keeps_its_history(
    installer: httpx.Client, site: Site
) -> None:
    old = "/devices/b3-501-sos"
    new = send(installer, f"{old}/replacement", of=old, by="sos-2", reason="摔坏了")
    assert new.url.path == "/devices/sos-2"
    assert old in new.text
    before = installer.get(old).text
    assert "/devices/sos-2" in before
    assert "已停用" in before
    again = send(installer, f"{old}/replacement", of=old, by="sos-3")
    assert (again.status_code, "sos-2" in again.text) == (409, True)
    with transaction(site.engine) as session:
        device = session.query(Device).filter_by(slug="sos-2").one()
        assert device.household_id == site.households["b3-501"]
        assert device.place_id == site.places["b3-501"]
    twin = send(installer, "/devices/b3-501-pir/replacement", of=old, by="sos-2")
    assert twin.status_code == 409
    odd = send(installer, "/devices/b3-501-pir/replacement", of=old, by="Not Good")
    assert (odd.status_code, "编号由小写字母" in odd.text) == (422, True)


def test_a_retired_device_that_speaks_again_is_not_offered_as_new(
    installer: httpx.Client, site: Site
) -> None:
    path = "/devices/b3-501-pir"
    assert "已停用" in send(installer, f"{path}/state", of=path, state="retired").text
    speaks_unknown(site, "b3-501-pir", motion=True)
    assert "该设备已停用，现在又开始上报" in installer.get("/waiting-devices").text
    assert "台设备在上报" not in installer.get("/devices").text
    assert "已停用" not in send(installer, f"{path}/state", of=path, state="approved").text
