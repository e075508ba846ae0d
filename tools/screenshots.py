"""Takes the documents' pictures from a running demo: ``tools/screenshots.py --dir .anju/demo``.

Run it two minutes after the demo's start: by then everything it furnishes is there. It stops with
a list of what is wrong when a page does not load, its script fails, it is wider than its window,
or it lacks what the demo promises; the pictures that could be taken are there all the same.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from playwright.sync_api import Error as PlaywrightError
from screen_list import SCREENS, Screen
from screens_found import drill, find

SIZES = {"wide": (1920, 1080), "phone": (390, 844)}
LANGUAGES = {"zh": "zh-CN", "en": "en-GB"}
COLOURS = 192
_HEAD = (
    "Written, and its pictures taken from a running demo, by `tools/screenshots.py`: wide"
    " (1920 × 1080) and on a telephone (390 × 844), in both languages. Who sees which is in"
    " [operating.md](operating.md#who-may-log-in-and-as-what)."
)
PHONES = ("family-phone-zh", "alert-phone-zh", "wall-phone-en")
_SETTLE_MS = 700
_LONGEST = {"wide": 1080, "phone": 1688}


@dataclass(eq=False)
class Camera:
    """Takes pictures of one demo, and remembers what was wrong with which screen."""

    browser: Browser
    url: str
    passwords: dict[str, str]
    out: Path
    whole: bool = False
    faults: list[str] = field(default_factory=list)

    def take(self, wanted: list[Screen]) -> None:
        """Take these screens in both languages and sizes, one log-in for each person."""
        for language in LANGUAGES:
            for size in SIZES:
                for who in dict.fromkeys(one.who for one in wanted):
                    theirs = [one for one in wanted if one.who == who]
                    self._of_one(who, theirs, language, size)

    def _of_one(self, who: str, screens: list[Screen], language: str, size: str) -> None:
        with self.window(language, size) as context:
            if who:
                log_in(context.new_page(), who, self.passwords[who], language)
            for screen in screens:
                name = f"{screen.name}-{size}-{language}"
                page = context.new_page()
                try:
                    self._look(page, screen, name, size)
                except (PlaywrightError, LookupError) as error:
                    self.faults.append(f"{name}: {str(error).splitlines()[0]}")
                page.close()

    @contextmanager
    def window(self, language: str, size: str) -> Iterator[BrowserContext]:
        """Open a window of nobody's yet."""
        width, height = SIZES[size]
        context = self.browser.new_context(
            base_url=self.url,
            viewport={"width": width, "height": height},
            locale=LANGUAGES[language],
            timezone_id="Asia/Shanghai",
            reduced_motion="reduce",
        )
        context.set_default_timeout(8_000)
        yield context
        context.close()

    def _look(self, page: Page, screen: Screen, name: str, size: str) -> None:
        page.on("pageerror", lambda error: self.faults.append(f"{name}: script: {error}"))
        found = find(self, screen.path)
        path, _, selected = found.partition("#")
        answer = page.goto(path, wait_until="load")
        status = answer.status if answer else 0
        if status != screen.status:
            self.faults.append(f"{name}: {path} answers {status}, not {screen.status}")
        page.wait_for_selector(screen.has, state="attached")
        if selected:
            page.locator(f"#alert-{selected} a").first.click()
            page.wait_for_selector("#detail .incident")
        if screen.do is not None:
            screen.do(page)
        page.wait_for_timeout(_SETTLE_MS)
        wider = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if wider > 0:
            self.faults.append(f"{name}: {wider} px wider than its window")
        self._keep(page, name, size)

    def _keep(self, page: Page, name: str, size: str) -> None:
        taken = Image.open(BytesIO(page.screenshot(full_page=self.whole or size == "phone")))
        if not self.whole:
            taken = taken.crop((0, 0, taken.width, min(taken.height, _LONGEST[size])))
        few = taken.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
        few.save(self.out / f"{name}.png", optimize=True)


def log_in(page: Page, username: str, password: str, language: str) -> None:
    """Log somebody in, in a language."""
    page.goto("/login?next=/me")
    page.fill("[name=username]", username)
    page.fill("[name=password]", password)
    page.click("form.login button")
    page.wait_for_url("**/me")
    headers = {"X-CSRF-Token": page.locator("body").get_attribute("data-csrf") or ""}
    page.request.put("/api/v1/session/locale", data={"locale": language}, headers=headers)
    page.close()


def side_by_side(pictures: list[Path], out: Path) -> None:
    """Put pictures of telephones beside each other into one."""
    width, height = SIZES["phone"]
    gap = 14
    sheet = Image.new("RGB", (len(pictures) * (width + gap) + gap, height + 2 * gap), "white")
    for number, path in enumerate(pictures):
        picture = Image.open(path).convert("RGB").crop((0, 0, width, height))
        sheet.paste(picture, (gap + number * (width + gap), gap))
    sheet.quantize(COLOURS, dither=Image.Dither.NONE).save(out, optimize=True)


def document() -> str:
    """Give docs/screens.md: the screens by who uses them."""
    lines = [
        "# Screens",
        "",
        _HEAD,
    ]
    for whose, screens in SCREENS.items():
        lines += ["", f"## {whose}"]
        for one in screens:
            lines += ["", f"### {one.title}", one.said, "", "| | |", "|---|---|"]
            for language, words in (("zh", "in Chinese"), ("en", "in English")):
                cells = (
                    f'<img src="images/{one.name}-{size}-{language}.png" width="{width}"'
                    f' loading="lazy" alt="{one.title}, {how}, {words}">'
                    for size, how, width in (("wide", "wide", 760), ("phone", "narrow", 190))
                )
                lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Read the demo's folder, take the pictures, and write the document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dir", type=Path, default=Path(".anju/demo"))
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    parser.add_argument("--document", type=Path, default=Path("docs/screens.md"))
    parser.add_argument("--only", nargs="*", help="Screens by name; the document stays as it is.")
    parser.add_argument("--whole", action="store_true", help="Whole pages, however long.")
    options = parser.parse_args()
    passwords = json.loads((options.dir / "passwords.json").read_text("utf-8"))
    options.out.mkdir(parents=True, exist_ok=True)
    every = [one for screens in SCREENS.values() for one in screens]
    wanted = [one for one in every if not options.only or one.name in options.only]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        camera = Camera(browser, options.url, passwords, options.out, options.whole)
        camera.take([one for one in wanted if one.name != "wall-drill"])
        with drill(camera):
            camera.take([one for one in wanted if one.name == "wall-drill"])
        browser.close()
    if not options.only:
        side_by_side([options.out / f"{one}.png" for one in PHONES], options.out / "phones.png")
        options.document.write_text(document(), encoding="utf-8")
    sys.stderr.writelines(f"{fault}\n" for fault in camera.faults)
    return 1 if camera.faults else 0


if __name__ == "__main__":
    sys.exit(main())
