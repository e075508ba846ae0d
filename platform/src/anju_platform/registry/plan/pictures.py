"""The plan's picture as it was uploaded, drawn anew (:mod:`anju_platform.pictures`)."""

from dataclasses import dataclass
from io import BytesIO

from PIL import Image, ImageStat

from anju_platform.errors import InvalidRequestError
from anju_platform.pictures import QUALITY, upright

LONGEST_SIDE = 4096
"""Pixels of the longer side that are kept: a wall shows 3840 at most."""
_MOST_BYTES = 4 * 1024 * 1024
_BRIGHT = 140


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture drawn anew; ``ratio`` is its height by its width."""

    content: bytes
    content_type: str
    ratio: float
    bright: bool


def draw_anew(content: bytes) -> Picture:
    """Read a PNG or JPEG and write it again.

    Raises:
        InvalidRequestError: it is neither, broken, or too large; it says what to do.
    """
    _refuse_others(content)
    seen, kind = upright(content, ("PNG", "JPEG"), longest_px=LONGEST_SIDE)
    return _written(seen, as_png=kind == "PNG")


def _refuse_others(content: bytes) -> None:
    """Say of what is often sent why it will not do."""
    head = content[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith(b"<"):
        raise InvalidRequestError(
            "an SVG is not a picture but a page that may hold programs:"
            " export it as PNG and upload that"
        )
    if head.startswith(b"%pdf"):
        raise InvalidRequestError("a PDF cannot be shown: export its page as PNG and upload that")
    if not content:
        raise InvalidRequestError("choose a picture first: PNG or JPEG")


def _written(image: Image.Image, *, as_png: bool) -> Picture:
    light = ImageStat.Stat(image.convert("L")).mean[0]
    ratio = image.height / image.width
    written, content_type = BytesIO(), "image/png"
    if as_png:
        image.save(written, "PNG", optimize=True)
    if not as_png or written.tell() > _MOST_BYTES:  # a photograph
        written, content_type = BytesIO(), "image/jpeg"
        image.save(written, "JPEG", quality=QUALITY)
    return Picture(written.getvalue(), content_type, ratio, light > _BRIGHT)
