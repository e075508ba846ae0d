"""Takes the documents' pictures from a running demo: ``tools/screenshots.py --dir .anju/demo``.

Run it a quarter of an hour after the demo's start: by then everything it furnishes is there, and
the flood of its first minute is over. It ends with a list of what is wrong, and status 1, when a
page does not load, its script fails, it is wider than its window, or it lacks what the demo
promises; the pictures that could be taken are there all the same. A guard takes on what rings.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright
from playwright.sync_api import Error as PlaywrightError
from screens_found import calm, drill, find, log_in, log_out
from screens_shown import Screen, act, document, screens

SIZES = {"wide": (1920, 1080), "phone": (390, 844)}
LANGUAGES = {"zh": "zh-CN", "en": "en-GB"}
COLOURS = 192
PHONES = ("family-phone-zh", "alert-phone-zh", "wall-phone-en")
_FIRST = "Guards"
"""Theirs are taken while something rings."""
_SETTLE_MS = 400
_LONGEST = 1688
"""Pixels of a telephone's picture: two screens."""


@dataclass(eq=False)
class Camera:
    """Takes pictures of one demo, and remembers what was wrong with which screen."""

    browsers: dict[str, Browser]
    url: str
    passwords: dict[str, str]
    community: dict[str, Any]
    out: Path
    whole: bool = False
    faults: list[str] = field(default_factory=list)

    def take(self, wanted: list[Screen]) -> None:
        """Take these screens in both languages and sizes, one log-in for each person."""
        for language in self.browsers:
            for size in SIZES:
                for who in dict.fromkeys(one.who for one in wanted):
                    theirs = [one for one in wanted if one.who == who]
                    self._of_one(who, theirs, language, size)

    def _of_one(self, who: str, theirs: list[Screen], language: str, size: str) -> None:
        with self.window(language, size) as context:
            door = context.new_page()
            if who:
                log_in(door, who, self.passwords[who], language)
            for screen in theirs:
                name = f"{screen.name}-{size}-{language}"
                page = context.new_page()
                try:
                    self._look(page, screen, name, size)
                except (PlaywrightError, LookupError) as error:
                    self.faults.append(f"{name}: {str(error).splitlines()[0]}")
                page.close()
            if who:
                log_out(door)

    @contextmanager
    def window(self, language: str, size: str) -> Iterator[BrowserContext]:
        """Open a window of nobody's yet."""
        width, height = SIZES[size]
        browser = self.browsers.get(language) or next(iter(self.browsers.values()))
        context = browser.new_context(
            base_url=self.url,
            viewport={"width": width, "height": height},
            locale=LANGUAGES[language],
            timezone_id="Asia/Shanghai",
            reduced_motion="reduce",
        )
        context.set_default_timeout(20_000)
        yield context
        context.close()

    def _look(self, page: Page, screen: Screen, name: str, size: str) -> None:
        page.on("pageerror", lambda error: self.faults.append(f"{name}: script: {error}"))
        path, _, selected = find(self, screen.path).partition("#")
        answer = page.goto(path, wait_until="load")
        status = answer.status if answer else 0
        if status != screen.status:
            self.faults.append(f"{name}: {path} answers {status}, not {screen.status}")
        page.wait_for_selector(screen.has, state="attached")
        if page.locator("body.wall").count() and size == "wide":  # on a telephone it is a page
            if selected:
                page.locator(f"#alert-{selected} > a").click()
            page.wait_for_selector(
                f"#detail [data-shown='{selected}']" if selected else "#detail .incident"
            )
        if screen.do:
            act(page, screen.do.replace("{password}", self.passwords.get(screen.who, "")))
        if page.locator("site-map:visible, plan-editor:visible").count():
            page.wait_for_selector(".leaflet-container", state="attached")
        page.wait_for_timeout(_SETTLE_MS)
        wider = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if wider > 0:
            self.faults.append(f"{name}: {wider} px wider than its window")
        self._keep(page, name, size)

    def _keep(self, page: Page, name: str, size: str) -> None:
        # a wall fills its window, and what is asked stands before the page
        fills = page.locator("body.wall, dialog[open]").count() > 0
        longest = SIZES[size][1] if fills or size == "wide" else _LONGEST
        whole = not fills and (self.whole or size == "phone")
        taken = Image.open(BytesIO(page.screenshot(full_page=whole))).convert("RGB")
        if not self.whole:
            taken = taken.crop((0, 0, taken.width, min(taken.height, longest)))
            if page.locator("main img").count():  # a photograph has more colours than a page
                taken = taken.quantize(256, dither=Image.Dither.FLOYDSTEINBERG)
            else:
                taken = taken.quantize(COLOURS, dither=Image.Dither.NONE)
        taken.save(self.out / f"{name}.png", optimize=not self.whole)


def side_by_side(pictures: list[Path], out: Path) -> None:
    """Put pictures of telephones beside each other into one."""
    width, height = SIZES["phone"]
    gap = 14
    sheet = Image.new("RGB", (len(pictures) * (width + gap) + gap, height + 2 * gap), "white")
    for number, path in enumerate(pictures):
        picture = Image.open(path).convert("RGB").crop((0, 0, width, height))
        sheet.paste(picture, (gap + number * (width + gap), gap))
    sheet.quantize(COLOURS, dither=Image.Dither.NONE).save(out, optimize=True)


def _browser(playwright: Playwright, tag: str) -> Browser:
    """Start a browser that speaks a language itself, if it has learnt it (chromium-l10n)."""
    spoken = tag.replace("-", "_")
    return playwright.chromium.launch(
        executable_path="/usr/bin/chromium",
        args=["--no-sandbox", "--disable-gpu", f"--lang={tag}"],
        env={**os.environ, "LANGUAGE": spoken, "LANG": f"{spoken}.UTF-8"},
    )


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dir", type=Path, default=Path(".anju/demo"))
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    parser.add_argument("--document", type=Path, default=Path("docs/screens.md"))
    parser.add_argument("--only", nargs="*", help="screens by name; the document stays as it is")
    parser.add_argument("--language", choices=LANGUAGES, help="one language only")
    parser.add_argument("--whole", action="store_true", help="whole pages, however long")
    return parser.parse_args()


def main() -> int:
    """Read the demo's folder, take the pictures, and write the document."""
    asked, shown = _asked(), screens()
    asked.out.mkdir(parents=True, exist_ok=True)
    wanted = {
        whose: [one for one in found if not asked.only or one.name in asked.only]
        for whose, found in shown.items()
    }
    with sync_playwright() as playwright:
        camera = Camera(
            browsers={
                language: _browser(playwright, tag)
                for language, tag in LANGUAGES.items()
                if asked.language in {None, language}
            },
            url=asked.url,
            passwords=json.loads((asked.dir / "passwords.json").read_text("utf-8")),
            community=json.loads((asked.dir / "community.json").read_text("utf-8")),
            out=asked.out,
            whole=asked.whole,
        )
        with drill(camera):
            camera.take([one for one in wanted[_FIRST] if one.name == "wall-drill"])
        camera.take([one for one in wanted.pop(_FIRST) if one.name != "wall-drill"])
        calm(camera)
        camera.take([one for found in wanted.values() for one in found])
        for browser in camera.browsers.values():
            browser.close()
    if not asked.only:
        side_by_side([asked.out / f"{one}.png" for one in PHONES], asked.out / "phones.png")
        asked.document.write_text(document(shown), encoding="utf-8")
    sys.stderr.writelines(f"{fault}\n" for fault in camera.faults)
    return 1 if camera.faults else 0


if __name__ == "__main__":
    sys.exit(main())
