"""A picture as it was uploaded, drawn anew: what we keep holds nothing but what is seen.

Pillow reads the pixels and writes them again, so that neither what was written about the
picture, nor what hid in the file beside it, gets through.
"""

import threading
from dataclasses import dataclass
from io import BytesIO

from PIL import Image, ImageOps, ImageStat

from anju_platform.errors import InvalidRequestError

MOST_PIXELS = 40_000_000
LONGEST_SIDE = 4096
"""Pixels of the longer side that are kept: a wall shows 3840 at most."""
_MOST_BYTES = 4 * 1024 * 1024
_QUALITY = 85
_BRIGHT = 140
_ONE_AT_A_TIME = threading.Lock()
"""A picture at its largest takes some hundred megabytes while it is drawn."""


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
    with _ONE_AT_A_TIME:
        try:
            with Image.open(BytesIO(content), formats=("PNG", "JPEG")) as uploaded:
                width, height = uploaded.size
                if width * height > MOST_PIXELS:
                    raise InvalidRequestError(
                        f"the picture has {width} × {height} points, which are too many:"
                        f" make it smaller, {LONGEST_SIDE} on its longer side are enough"
                    )
                kind = uploaded.format
                seen = _flat(ImageOps.exif_transpose(uploaded))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise InvalidRequestError(
                "the picture cannot be read: save it anew as PNG or JPEG and try again"
            ) from error
        seen.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
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


def _flat(image: Image.Image) -> Image.Image:
    """Put what one can see through on white paper."""
    if image.mode in {"RGB", "L"}:
        return image.copy()
    seen = image.convert("RGBA")
    paper = Image.new("RGBA", seen.size, "white")
    return Image.alpha_composite(paper, seen).convert("RGB")


def _written(image: Image.Image, *, as_png: bool) -> Picture:
    light = ImageStat.Stat(image.convert("L")).mean[0]
    ratio = image.height / image.width
    plain = Image.new(image.mode, image.size)  # what was said about the old one stays behind
    plain.paste(image)
    written, content_type = BytesIO(), "image/png"
    if as_png:
        plain.save(written, "PNG", optimize=True)
    if not as_png or written.tell() > _MOST_BYTES:  # a photograph
        written, content_type = BytesIO(), "image/jpeg"
        plain.save(written, "JPEG", quality=_QUALITY)
    return Picture(written.getvalue(), content_type, ratio, light > _BRIGHT)
