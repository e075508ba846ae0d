"""Pictures: names of symbols in the vendored sprite."""

import re
from functools import cache
from pathlib import Path

SPRITE = Path(__file__).parent / "static" / "vendor" / "tabler-icons-3.51.0" / "icons.svg"
FALLBACK = "circle-dot"


@cache
def known() -> frozenset[str]:
    """Give the names of every picture there is."""
    return frozenset(re.findall(r'<symbol id="([a-z0-9-]+)"', SPRITE.read_text("utf-8")))


def icon_name(name: str) -> str:
    """Give ``name`` if there is such a picture, else one that says "something"."""
    return name if name in known() else FALLBACK
