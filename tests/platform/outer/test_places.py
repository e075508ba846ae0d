"""The place tree and the plan as installers keep them: nothing is lost, whoever was faster."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any

import httpx
import psycopg
import pytest
from outer_site import Site
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from sqlalchemy.orm import Session

from anju_platform.auth.model import Role
from anju_platform.errors import InvalidRequestError
from anju_platform.registry import snapshot
from anju_platform.registry.plan import pictures
from anju_platform.registry.plan.pictures import draw_anew

LogIn = Callable[..., httpx.Client]


@pytest.fixture
def installer(log_in: LogIn) -> httpx.Client:
    return log_in(Role.INSTALLER)


def node(client: httpx.Client, at: str) -> dict[str, Any]:
    answer = client.get("/api/v1/places/level", params={"at": at})
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["place"])


def change(client: httpx.Client, was: dict[str, Any], **to: Any) -> httpx.Response:
    names = ("label", "label_en", "kind", "parent", "x", "y", "stamp")
    return client.put(f"/api/v1/places/{was['slug']}", json={n: was[n] for n in names} | to)


def state(client: httpx.Client, was: dict[str, Any], *, retired: bool) -> httpx.Response:
    said = {"retired": retired, "stamp": was["stamp"]}
    return client.put(f"/api/v1/places/{was['slug']}/state", json=said)


# -- the tree ------------------------------------------------------------------------------


def test_the_tree_is_walked_level_by_level_and_counts_what_is_in_it(
    installer: httpx.Client,
) -> None:
    top = installer.get("/api/v1/places/level").json()
    assert {one["slug"] for one in top["below"]} == {"b1", "gate", "nowhere"}
    b1 = next(one for one in top["below"] if one["slug"] == "b1")
    assert (b1["places"], b1["devices"], b1["homes"]) == (1, 4, 1)
    bath = installer.get("/api/v1/places/level", params={"at": "b1-501-bath"}).json()
    assert [one["slug"] for one in bath["path"]] == ["b1", "b1-501"]
    assert installer.get("/api/v1/places/level", params={"at": "b9"}).status_code == 404


def test_a_place_is_added_and_gets_an_id(site: Site, installer: httpx.Client) -> None:
    new = {"label": "1 栋 502", "label_en": "1-502", "kind": "unit", "parent": "b1"}
    first = installer.post("/api/v1/places", json=new)
    assert (first.status_code, first.json()["slug"]) == (201, "b1-1")
    assert installer.post("/api/v1/places", json=new).json()["slug"] == "b1-2"
    twin = installer.post("/api/v1/places", json=new | {"slug": "gate"})
    assert (twin.status_code, "gate" in twin.json()["detail"]) == (409, True)
    nowhere = installer.post("/api/v1/places", json=new | {"parent": "b9"})
    assert nowhere.status_code == 404
    assert [entry.subject for entry in site.audited("place.added")] == ["place:b1-1", "place:b1-2"]


def test_what_lies_in_a_renamed_place_is_renamed_with_it(installer: httpx.Client) -> None:
    b1 = node(installer, "b1")
    answer = change(installer, b1, label="春风楼", label_en="Spring House")
    assert answer.status_code == 200
    assert node(installer, "b1-501-bath")["label"] == "春风楼 501 卫生间"
    assert node(installer, "b1-501-bath")["label_en"] == "1-501 bathroom"  # began otherwise


def test_who_is_second_is_told_and_nothing_of_the_first_is_lost(installer: httpx.Client) -> None:
    seen = node(installer, "gate")
    assert change(installer, seen, label="南大门").status_code == 200
    late = change(installer, seen, label="南门口")
    assert (late.status_code, "南大门" in late.json()["detail"]) == (409, True)
    assert node(installer, "gate")["label"] == "南大门"


def test_no_two_moves_at_once_make_a_ring(installer: httpx.Client) -> None:
    one, two = node(installer, "b1"), node(installer, "gate")
    inside = change(installer, one, parent="b1-501-bath")
    assert (inside.status_code, "in itself" in inside.json()["detail"]) == (422, True)
    with ThreadPoolExecutor(2) as both:
        answers = list(
            both.map(
                lambda move: change(installer, move[0], parent=move[1]).status_code,
                ((one, "gate"), (two, "b1")),
            )
        )
    assert sorted(answers) == [200, 422]


def test_a_place_is_retired_when_it_is_empty_and_never_deleted(
    site: Site, installer: httpx.Client
) -> None:
    full = state(installer, node(installer, "b1-501"), retired=True)
    assert full.status_code == 422
    assert "1 places, 2 devices, 1 homes" in full.json()["detail"]
    installer.put("/api/v1/devices/far-pir/state", json={"state": "retired"})
    assert state(installer, node(installer, "nowhere"), retired=True).status_code == 204
    shown = installer.get("/api/v1/places/level").json()["below"]
    assert "nowhere" not in {one["slug"] for one in shown}
    every = installer.get("/api/v1/places/level", params={"retired": True}).json()["below"]
    assert "nowhere" in {one["slug"] for one in every}
    device = {"slug": "late", "model": "pir", "gateway": "gw-west", "place": "nowhere"}
    late = installer.post("/api/v1/devices", json=device | {"name": "x", "name_en": "x"})
    assert (late.status_code, "retired" in late.json()["detail"]) == (422, True)
    assert state(installer, node(installer, "nowhere"), retired=False).status_code == 204
    assert [len(site.audited(f"place.{what}")) for what in ("retired", "restored")] == [1, 1]


# -- where devices stand -------------------------------------------------------------------


def move(slug: str, to: tuple[Any, Any], was: tuple[Any, Any] = (None, None)) -> dict[str, Any]:
    return {"slug": slug, "x": to[0], "y": to[1], "was_x": was[0], "was_y": was[1]}


def put(client: httpx.Client, *moves: dict[str, Any]) -> httpx.Response:
    return client.put("/api/v1/plan/devices", json={"moves": list(moves)})


def test_a_device_stands_where_it_was_put_on_plan_wall_and_in_rules(
    site: Site, installer: httpx.Client
) -> None:
    with psycopg.connect(site.url, autocommit=True) as listener:
        listener.execute("LISTEN anju_registry")
        assert put(installer, move("b1-501-sos", (41.5, 33.0))).json()["moved"] == 1
        assert [one.channel for one in listener.notifies(timeout=5, stop_after=1)] == [
            "anju_registry"
        ]
    plan = installer.get("/api/v1/plan").json()
    spots = {one["slug"]: (one["x"], one["y"]) for one in plan["devices"]}
    assert spots["b1-501-sos"] == (41.5, 33.0)
    assert spots["b1-door"] != spots["b1-501-pir"]  # the others still stand around their place
    with Session(site.engine) as session:
        known = snapshot.load(session).by_slug["garden"].devices
    assert (known["b1-501-sos"].attributes["x"], known["b1-501-bed"].attributes["x"]) == (41.5, 40)


def test_an_alert_is_shown_where_its_device_stands(
    site: Site, installer: httpx.Client, log_in: LogIn
) -> None:
    put(installer, move("b1-501-sos", (41.5, 33.0)))
    site.alert("b1-501-sos")
    site.alert("gate-south")
    alerts = log_in(Role.GUARD).get("/api/v1/alerts").json()
    spots = {one["device"]: (one["x"], one["y"]) for one in alerts}
    assert spots == {"b1-501-sos": (41.5, 33.0), "gate-south": (150.0, 5.0)}


def test_of_two_who_move_the_same_device_one_is_told_and_the_rest_is_saved(
    site: Site, installer: httpx.Client
) -> None:
    assert put(installer, move("b1-door", (10, 10))).json() == {"moved": 1, "kept": []}
    late = put(installer, move("b1-door", (20, 20)), move("gate-south", (30, 30))).json()
    assert late["moved"] == 1
    assert [(one["slug"], one["x"]) for one in late["kept"]] == [("b1-door", 10.0)]
    agreed = put(installer, move("b1-door", (10, 10)))  # what they want is so already
    assert agreed.json() == {"moved": 0, "kept": []}
    back = put(installer, move("b1-door", (None, None), was=(10, 10)))
    assert back.json()["moved"] == 1
    assert len(site.audited("device.moved")) == 3


def test_what_is_not_on_the_plan_is_refused(installer: httpx.Client) -> None:
    for said, why in (
        (move("b1-door", (301, 10)), "x is 0 to 300 m"),
        (move("b1-door", (10, -1)), "y is 0 to 200 m"),
        (move("b1-door", (10, None)), "both x and y"),
    ):
        answer = put(installer, said)
        assert (answer.status_code, why in answer.json()["detail"]) == (422, True)
    assert put(installer, move("nobody", (1, 1))).status_code == 404


# -- the picture ---------------------------------------------------------------------------


def picture(kind: str = "PNG", size: tuple[int, int] = (400, 200), **how: Any) -> bytes:
    written = BytesIO()
    Image.new("RGB", size, how.pop("colour", "white")).save(written, kind, **how)
    return written.getvalue()


def test_a_picture_is_laid_under_the_plan_and_replaced_by_whoever_saw_it(
    installer: httpx.Client,
) -> None:
    url = "/api/v1/plan/picture"
    assert installer.get(url).status_code == 404
    first = installer.put(url, params={"width": 400}, content=picture())
    assert first.status_code == 204
    plan = installer.get("/api/v1/plan").json()
    assert plan["picture"] | {"sha256": ""} == {
        "version": 1, "sha256": "", "bright": True, "x": 0, "y": 0, "width": 400, "height": 200,
    }  # fmt: skip
    assert (plan["width"], plan["height"]) == (400, 200)
    shown = installer.get(url)
    assert shown.headers["content-type"] == "image/png"
    again = installer.get(url, headers={"If-None-Match": shown.headers["etag"]})
    assert again.status_code == 304
    late = installer.put(url, params={"width": 300}, content=picture(colour="black"))
    assert late.status_code == 409
    dark = installer.put(url, params={"width": 9, "seen": 1}, content=picture(colour="black"))
    assert dark.status_code == 204
    assert installer.get("/api/v1/plan").json()["picture"]["bright"] is False
    assert installer.delete(url, params={"seen": 1}).status_code == 409
    assert installer.delete(url, params={"seen": 2}).status_code == 204


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "SVG"),
        (b"\xef\xbb\xbf  <?xml version='1.0'?><svg/>", "SVG"),
        (b"%PDF-1.7 ...", "PDF"),
        (b"", "choose a picture"),
        (b"GIF89a" + b"\0" * 50, "cannot be read"),
        (picture("GIF"), "cannot be read"),
        (picture()[:-30], "cannot be read"),
        (picture("JPEG")[:300], "cannot be read"),
        (b"\x89PNG\r\n\x1a\n" + b"x" * 100, "cannot be read"),
    ],
)
def test_what_is_no_picture_of_ours_is_refused_in_words(
    installer: httpx.Client, content: bytes, why: str
) -> None:
    answer = installer.put("/api/v1/plan/picture", params={"width": 10}, content=content)
    assert (answer.status_code, why in answer.json()["detail"]) == (422, True), answer.text


def test_what_hides_in_a_picture_does_not_get_through() -> None:
    said = PngInfo()
    said.add_text("Author", "secret-author")
    hidden = picture(pnginfo=said) + b"PK\x03\x04<script>hidden()</script>"
    kept = draw_anew(hidden)
    assert kept.content_type == "image/png"
    assert not any(word in kept.content for word in (b"secret-author", b"hidden", b"PK\x03"))
    where = Image.Exif()
    where[0x010E] = "somebody's address"
    where[0x0112] = 6  # it lies on its side
    turned = draw_anew(picture("JPEG", exif=where))
    assert b"address" not in turned.content
    assert (turned.content_type, turned.ratio) == ("image/jpeg", 2.0)


def test_a_bomb_is_not_unpacked_and_large_ones_are_made_smaller(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(InvalidRequestError, match="too large"):
        draw_anew(picture(size=(9000, 7000)))
    monkeypatch.setattr(pictures, "LONGEST_SIDE", 100)
    with Image.open(BytesIO(draw_anew(picture()).content)) as small:
        assert small.size == (100, 50)


def test_a_body_that_is_too_large_is_not_taken(installer: httpx.Client) -> None:
    answer = installer.put(
        "/api/v1/plan/picture", params={"width": 10}, content=b"x" * (13 * 1024 * 1024)
    )
    assert answer.status_code == 413


def test_what_one_can_see_through_is_put_on_white_paper() -> None:
    written = BytesIO()
    Image.new("RGBA", (10, 10), (0, 0, 0, 0)).save(written, "PNG")
    assert draw_anew(written.getvalue()).bright
