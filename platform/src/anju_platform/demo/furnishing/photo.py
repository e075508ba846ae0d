"""The photo a guard of the demo takes: a fire door that is shut again, at the end of a corridor."""

from io import BytesIO

from PIL import Image, ImageDraw, ImageFilter

_WIDTH, _HEIGHT = 1280, 960
_FAR = (470, 250, 810, 700)
_WALL, _SIDE, _FLOOR, _CEILING = "#b9bcb6", "#a4a8a2", "#77736b", "#d6d8d2"
_DOOR, _FRAME, _SIGN, _BAR = "#7c8f96", "#5d6c72", "#1f9d63", "#c9ced1"
_GRAIN = 14


def corridor() -> bytes:
    """Draw it as a JPEG, with the grain of a telephone's camera by night."""
    image = Image.new("RGB", (_WIDTH, _HEIGHT), _WALL)
    draw = ImageDraw.Draw(image)
    left, top, right, bottom = _FAR
    draw.polygon([(0, 0), (_WIDTH, 0), (right, top), (left, top)], fill=_CEILING)
    draw.polygon([(0, _HEIGHT), (_WIDTH, _HEIGHT), (right, bottom), (left, bottom)], fill=_FLOOR)
    draw.polygon([(0, 0), (left, top), (left, bottom), (0, _HEIGHT)], fill=_SIDE)
    draw.polygon([(_WIDTH, 0), (right, top), (right, bottom), (_WIDTH, _HEIGHT)], fill=_SIDE)
    draw.rectangle(_FAR, fill=_WALL)
    draw.rectangle((535, 340, 745, bottom), fill=_FRAME)
    draw.rectangle((545, 350, 735, bottom), fill=_DOOR)
    draw.line((640, 350, 640, bottom), fill=_FRAME, width=4)
    draw.rectangle((560, 520, 720, 532), fill=_BAR)
    draw.rectangle((590, 395, 622, 470), fill="#9fb4bd")
    draw.rectangle((658, 395, 690, 470), fill="#9fb4bd")
    draw.rectangle((592, 296, 688, 328), fill=_SIGN)
    for y in (60, 150, 215):
        half = (260 - y) * 0.75
        draw.ellipse((640 - half, y - 10, 640 + half, y + 10), fill="#f4f5ee")
    return _photographed(image)


def _photographed(image: Image.Image) -> bytes:
    light = Image.radial_gradient("L").resize(image.size).point(lambda dark: 255 - dark // 2)
    image = Image.composite(image, Image.new("RGB", image.size, "#22241f"), light)
    image = image.filter(ImageFilter.GaussianBlur(1.6))
    noise = Image.effect_noise(image.size, _GRAIN).convert("RGB")
    image = Image.blend(image, noise, 0.08)
    written = BytesIO()
    image.save(written, "JPEG", quality=82)
    return written.getvalue()
