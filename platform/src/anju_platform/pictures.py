"""Pictures that people send, made harmless: drawn anew, so that nothing hidden comes along."""

import io

from PIL import Image, ImageOps, UnidentifiedImageError

from anju_platform.errors import InvalidRequestError

MAX_BYTES = 12 * 1024 * 1024
"""A telephone's photo has 2 to 8 MB."""
_MOST_PIXELS = 60_000_000
"""Of today's telephones' largest pictures; a small file may claim to be a thousand times more."""
_FORMATS = ("JPEG", "PNG", "WEBP")
_QUALITY = 85


def redrawn(content: bytes, *, longest_px: int) -> bytes:
    """Give a picture as JPEG, upright, its longer side at most ``longest_px``.

    Where it was taken, with what, and whatever else was in the file stays behind.

    Raises:
        InvalidRequestError: it is no JPEG, PNG or WebP, not whole, or too large.
    """
    if len(content) > MAX_BYTES:
        raise InvalidRequestError(f"a picture has {MAX_BYTES // 1024**2} MB at most")
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as picture:
            width, height = picture.size
            if width * height > _MOST_PIXELS:
                raise InvalidRequestError(f"a picture of {width} × {height} points is too large")
            picture.draft("RGB", (longest_px, longest_px))
            upright = ImageOps.exif_transpose(picture)
            upright.thumbnail((longest_px, longest_px))
            return _as_jpeg(upright)
    except (UnidentifiedImageError, Image.DecompressionBombError):
        raise InvalidRequestError("this is no picture: send a JPEG, PNG or WebP file") from None
    except (OSError, SyntaxError, ValueError) as broken:
        raise InvalidRequestError(f"this picture is broken: {broken}") from None


def _as_jpeg(picture: Image.Image) -> bytes:
    """Write without what came with it; what is see-through becomes white."""
    clean = Image.new("RGB", picture.size, "white")
    layer = picture.convert("RGBA")
    clean.paste(layer, mask=layer)
    written = io.BytesIO()
    clean.save(written, "JPEG", quality=_QUALITY, optimize=True)
    return written.getvalue()
