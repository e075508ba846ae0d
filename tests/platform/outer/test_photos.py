"""Photos that people add to an alert: drawn anew, shown to whom it concerns, gone in time."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import httpx
import pytest
from outer_site import Site
from PIL import Image
from sqlalchemy import update

from anju_platform.auth.model import Role
from anju_platform.database import now, transaction
from anju_platform.errors import InvalidRequestError
from anju_platform.media.model import Media
from anju_platform.pictures import redrawn

LogIn = Callable[..., httpx.Client]
_UPSIDE_DOWN = 3


def photo(kind: str = "JPEG", size: tuple[int, int] = (64, 48), **said: object) -> bytes:
    """A picture, dark above and light below, with whatever is said beside it."""
    drawn = Image.new("RGB", size, "black")
    drawn.paste("white", (0, size[1] // 2, *size))
    written = io.BytesIO()
    drawn.save(written, kind, **said)
    return written.getvalue()


def from_a_telephone() -> bytes:
    """With where it was taken, held upside down."""
    exif = Image.Exif()
    exif[0x0112] = _UPSIDE_DOWN
    exif[0x010F] = "a maker of telephones"
    exif.get_ifd(0x8825)[2] = (39.0, 54.0, 27.0)
    return photo(exif=exif.tobytes())


def add(client: httpx.Client, alert: UUID, content: bytes, text: str = "") -> httpx.Response:
    path = f"/api/v1/alerts/{alert}/photos"
    return client.post(path, params={"text": text}, content=content)


def of(client: httpx.Client, alert: UUID) -> list[str]:
    return list(client.get(f"/api/v1/alerts/{alert}").json()["photos"])


def test_it_is_upright_and_says_nothing_of_where_it_was_taken() -> None:
    with Image.open(io.BytesIO(redrawn(from_a_telephone(), longest_px=32))) as clean:
        assert (clean.format, clean.size, dict(clean.getexif())) == ("JPEG", (32, 24), {})
        assert clean.getpixel((16, 2)) > (200, 200, 200)  # what was below is above


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_other_kinds_become_a_jpeg(kind: str) -> None:
    assert redrawn(photo(kind), longest_px=640).startswith(b"\xff\xd8\xff")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"<svg onload='alert(1)'/>", "cannot be read"),
        (photo("GIF"), "cannot be read"),
        (photo(size=(640, 480))[:400], "cannot be read"),
        (photo("PNG", (9000, 9000)), "too large"),
        (b"\xff" * (12 * 1024**2 + 1), "12 MB"),
    ],
)
def test_what_is_no_picture_is_refused(content: bytes, says: str) -> None:
    with pytest.raises(InvalidRequestError, match=says):
        redrawn(content, longest_px=640)


def test_a_guard_adds_one_and_everybody_at_the_desk_sees_it(site: Site, log_in: LogIn) -> None:
    alert = site.alert("gate-south")
    before = log_in().get(f"/api/v1/alerts/{alert}").json()["alert"]["version"]
    answer = add(log_in(), alert, photo(), "门坏了")
    assert (answer.status_code, answer.json()["version"]) == (200, before + 1)
    desk = log_in("property")
    (shown,) = of(desk, alert)
    step = desk.get(f"/api/v1/alerts/{alert}").json()["timeline"][-1]
    assert (step["kind"], step["data"]) == ("commented", {"text": "门坏了", "photo": shown})
    picture = desk.get(f"/api/v1/media/{shown}")
    assert picture.headers["content-type"] == "image/jpeg"
    assert picture.content.startswith(b"\xff\xd8\xff")
    assert [entry.actor for entry in site.audited("media.viewed")] == ["李强"]


def test_nothing_is_kept_of_what_is_no_picture(site: Site, log_in: LogIn) -> None:
    alert = site.alert("gate-south")
    answer = add(log_in(), alert, b"no picture", "words")
    assert answer.status_code == 422
    assert "JPEG" in answer.json()["detail"]
    steps = log_in().get(f"/api/v1/alerts/{alert}").json()["timeline"]
    assert [step["kind"] for step in steps] == ["raised"]


def test_a_grid_worker_sees_pictures_of_what_is_near_while_it_is_open(
    site: Site, log_in: LogIn
) -> None:
    near, far = site.alert(), site.alert("gate-south")
    (far_photo,) = (add(log_in(), far, photo()), of(log_in(), far))[1]
    grid = log_in(Role.GRID)
    assert add(grid, near, photo()).status_code == 200
    assert add(grid, far, photo()).status_code == 404
    (near_photo,) = of(grid, near)
    assert grid.get(f"/api/v1/media/{near_photo}").status_code == 200
    assert grid.get(f"/api/v1/media/{far_photo}").status_code == 404
    seen = {"version": 2, "cause": "true", "screen": "test"}
    assert log_in().post(f"/api/v1/alerts/{near}/close", json=seen).status_code == 200
    assert of(grid, near) == []
    assert grid.get(f"/api/v1/media/{near_photo}").status_code == 404
    assert log_in().get(f"/api/v1/media/{near_photo}").status_code == 200


def test_once_closed_a_homes_photos_are_for_whom_it_is_shared_with(
    site: Site, log_in: LogIn
) -> None:
    alert = site.alert()
    add(log_in(), alert, photo())
    auditor = log_in(Role.AUDITOR)
    (shown,) = of(auditor, alert)
    assert auditor.get(f"/api/v1/media/{shown}").status_code == 200
    looks = [one.actor for one in site.audited("care.read") if one.data.get("media") == shown]
    assert looks == ["钱审"]
    seen = {"version": 2, "cause": "true", "screen": "test"}
    assert log_in().post(f"/api/v1/alerts/{alert}/close", json=seen).status_code == 200
    assert of(auditor, alert) == []
    assert auditor.get(f"/api/v1/media/{shown}").status_code == 404


def test_a_family_sees_none(site: Site, log_in: LogIn) -> None:
    alert = site.alert()
    add(log_in(), alert, photo())
    (shown,) = of(log_in(), alert)
    assert log_in(Role.FAMILY).get(f"/api/v1/media/{shown}").status_code == 403


def test_past_its_time_the_words_stay(site: Site, log_in: LogIn) -> None:
    alert = site.alert("gate-south")
    add(log_in(), alert, photo(), "修好了")
    with transaction(site.engine) as session:
        session.execute(update(Media).values(expires_at=now() - timedelta(seconds=1)))
    guard = log_in()
    assert of(guard, alert) == []
    assert guard.get(f"/api/v1/alerts/{alert}").json()["timeline"][-1]["data"]["text"] == "修好了"


def test_only_a_photo_may_be_large(site: Site, log_in: LogIn) -> None:
    alert = site.alert("gate-south")
    large = b"x" * 200_000
    assert add(log_in(), alert, large).status_code == 422
    other = log_in().post(f"/api/v1/alerts/{alert}/comments", content=large)
    assert other.status_code == 413
