"""Pictures that people send, made harmless: drawn anew, so that nothing hidden comes along.

Pillow reads the points and writes them again: neither what was said about the picture (where,
when, with what), nor what hid in the file beside it, gets through.
"""

import io
import threading

from PIL import Image, ImageOps

from anju_platform.errors import InvalidRequestError

MAX_BYTES = 12 * 1024 * 1024
"""A telephone's photo has 2 to 8 MB."""
MOST_POINTS = 60_000_000
"""Of today's telephones' largest pictures; a small file may claim to be a thousand times more."""
QUALITY = 85
PHOTOS = ("JPEG", "PNG", "WEBP")
_ONE_AT_A_TIME = threading.Lock()
"""A picture at its largest takes some hundred megabytes while it is drawn."""


def redrawn(content: bytes, *, longest_px: int) -> bytes:
    """Give a picture as JPEG, upright, its longer side at most ``longest_px``.

    Raises:
        InvalidRequestError: it is no JPEG, PNG or WebP, not whole, or too large.
    """
    seen, _ = upright(content, PHOTOS, longest_px=longest_px)
    written = io.BytesIO()
    seen.save(written, "JPEG", quality=QUALITY, optimize=True)
    return written.getvalue()


def upright(
    content: bytes, formats: tuple[str, ...], *, longest_px: int
) -> tuple[Image.Image, str]:
    """Read a picture of one of some formats: its points alone, on white, and what it was.

    Raises:
        InvalidRequestError: it is none of these, not whole, or too large; it says what to do.
    """
    if len(content) > MAX_BYTES:
        raise InvalidRequestError("a picture has {most} MB at most", most=MAX_BYTES // 1024**2)
    with _ONE_AT_A_TIME:
        try:
            with Image.open(io.BytesIO(content), formats=formats) as picture:
                width, height = picture.size
                if width * height > MOST_POINTS:
                    raise InvalidRequestError(
                        "the picture has {width} × {height} points, which is too large:"
                        " {longest_px} on its longer side are enough",
                        width=width,
                        height=height,
                        longest_px=longest_px,
                    )
                picture.draft("RGB", (longest_px, longest_px))
                turned = ImageOps.exif_transpose(picture)
                turned.thumbnail((longest_px, longest_px))
                return _on_white(turned), picture.format or ""
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise InvalidRequestError(
                "the picture cannot be read: save it anew as one of {formats} and try again",
                formats=", ".join(formats),
            ) from error


def _on_white(picture: Image.Image) -> Image.Image:
    """Keep the points alone; what is see-through becomes white."""
    clean = Image.new("RGB", picture.size, "white")
    layer = picture.convert("RGBA")
    clean.paste(layer, mask=layer)
    return clean
