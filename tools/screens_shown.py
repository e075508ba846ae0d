"""The list of screens (screens.yaml), what is done on some of them, and the document about them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml
from playwright.sync_api import Page

_HEAD = (
    "Written, and its pictures taken from a running demo, by `tools/screenshots.py`: wide"
    " (1920 × 1080) and on a telephone (390 × 844), in both languages. Who sees which is in"
    " [operating.md](operating.md#who-may-log-in-and-as-what)."
)


@dataclass(frozen=True)
class Screen:
    """A screen, as screens.yaml says."""

    name: str
    title: str
    said: str
    path: str
    has: str
    who: str = ""
    do: str = ""
    status: int = 200


def screens() -> dict[str, list[Screen]]:
    """Give every screen there is, by who uses it."""
    read = yaml.safe_load(Path(__file__).with_name("screens.yaml").read_text("utf-8"))
    return {whose: [Screen(**one) for one in found] for whose, found in read.items()}


def act(page: Page, what: str) -> None:
    """Do on a page what a screen asks for before its picture."""
    how, _, about = what.partition(" ")
    _ACTS[how](page, about)


def _map(page: Page, _: str) -> None:
    tab = page.locator('[data-tab="map"]')
    if tab.is_visible():
        tab.click()


def _fold(page: Page, _: str) -> None:
    page.locator("#alerts > li > .fold").first.click()
    page.wait_for_selector('#alerts .fold[aria-expanded="true"]')


def _menu(page: Page, _: str) -> None:
    page.locator("details.menu summary").last.click()


def _ask(page: Page, about: str) -> None:
    page.locator(f'[data-do="{about}"]').first.click()
    page.wait_for_selector("dialog#ask[open] #ask-title")


def _refused(page: Page, _: str) -> None:
    page.fill("[name=username]", "guard")
    page.fill("[name=password]", "not this one")
    page.click("form.login button")
    page.wait_for_selector("[role=alert]")


def _set_up(page: Page, password: str) -> None:
    """Begin with a second factor, which binds nobody until a code is typed in."""
    page.fill("main [name=password]", password)
    page.click("main form.add button")
    page.wait_for_selector("main [name=code]")


_ACTS: Mapping[str, Callable[[Page, str], None]] = {
    "map": _map,
    "fold": _fold,
    "menu": _menu,
    "ask": _ask,
    "refused": _refused,
    "set-up": _set_up,
}


def document(shown: Mapping[str, list[Screen]]) -> str:
    """Give docs/screens.md: the screens by who uses them."""
    lines = ["# Screens", "", _HEAD]
    for whose, found in shown.items():
        lines += ["", f"## {whose}"]
        for one in found:
            lines += ["", f"### {one.title}", one.said, "", "| | |", "|---|---|"]
            for language, words in (("zh", "in Chinese"), ("en", "in English")):
                cells = (
                    f'<img src="images/{one.name}-{size}-{language}.png" width="{width}"'
                    f' loading="lazy" alt="{one.title}, {how}, {words}">'
                    for size, how, width in (("wide", "wide", 760), ("phone", "narrow", 190))
                )
                lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
