"""Pictures: names of symbols in the vendored sprite."""

import re
from functools import cache
from pathlib import Path

from markupsafe import Markup

SPRITE = Path(__file__).parent / "static" / "vendor" / "tabler-icons-3.51.0" / "icons.svg"
FALLBACK = "circle-dot"


@cache
def known() -> frozenset[str]:
    """Give the names of every picture there is."""
    return frozenset(re.findall(r'<symbol id="([a-z0-9-]+)"', SPRITE.read_text("utf-8")))


def icon_name(name: str) -> str:
    """Give ``name`` if there is such a picture, else one that says "something"."""
    return name if name in known() else FALLBACK


@cache
def whole_icon(name: str) -> Markup:
    """Draw a picture with all its lines in it, for paper, which fetches none."""
    symbol = f'<symbol id="{icon_name(name)}"[^>]*>(.*?)</symbol>'
    found = re.search(symbol, SPRITE.read_text("utf-8"), re.DOTALL)
    how = 'viewBox="0 0 24 24" fill="none" stroke="#1f2a33" stroke-width="2"'
    return Markup(f'<svg class="icon" {how}>{found[1] if found else ""}</svg>')  # noqa: S704 - ours, vendored
