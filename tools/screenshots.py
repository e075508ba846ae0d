"""Takes the documents' pictures from a running demo: ``tools/screenshots.py --dir .anju/demo``.

Run it a few minutes after the demo's start, when the wall has something to show.
"""

import argparse
import base64
import json
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

SIZES = {"wide": (1920, 1080), "phone": (390, 844)}
LANGUAGES = ("zh", "en")
PHONES = ("family-phone-zh", "alert-phone-zh", "wall-phone-en")
OF_ADMINISTRATORS = {
    "reports": "/reports",
    "people": "/people",
    "channels": "/channels",
    "system": "/system",
    "rules": "/rules",
    "rule": "/rules/smoke",
    "places": "/places",
    "plan": "/places/plan",
    "audit": "/audit",
    "homes": "/homes",
    "import": "/homes/import",
    "consents": "/consents",
    "rota": "/rota",
    "escalation": "/escalation",
    "maintenance": "/maintenance",
    "webhooks": "/webhooks",
    "tokens": "/me/tokens",
}
OF_FAMILIES = {"family": "/family", "me": "/me"}


def log_in(
    browser: Browser, url: str, who: tuple[str, str], language: str, size: tuple[int, int]
) -> Page:
    """Open a browser window of this size as somebody (name, password), in this language."""
    context = browser.new_context(
        base_url=url,
        viewport={"width": size[0], "height": size[1]},
        locale="zh-CN" if language == "zh" else "en-GB",
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto("/login?next=/me")
    page.fill("[name=username]", who[0])
    page.fill("[name=password]", who[1])
    page.click("form.login button")
    page.wait_for_url("**/me")
    page.request.put("/api/v1/session/locale", data={"locale": language}, headers=token(page))
    return page


def look(page: Page, path: str, out: Path, *, whole: bool = False) -> None:
    """Take a picture of a page."""
    page.goto(path)
    page.wait_for_timeout(1500)
    page.screenshot(path=out, full_page=whole)


def with_picture(page: Page) -> str | None:
    """Give the id of an open alert whose picture has arrived."""
    found = page.request.get("/api/v1/alerts").json()
    alerts = found["alerts"] if isinstance(found, dict) else found
    urgent = 2
    pictured = [a["id"] for a in alerts if a.get("media_id") and a.get("severity", 4) <= urgent]
    return pictured[0] if pictured else None


def shoot(browser: Browser, url: str, passwords: dict[str, str], out: Path) -> None:
    """Take every page in both languages and sizes."""

    def enter(username: str, language: str, size: tuple[int, int]) -> Page:
        return log_in(browser, url, (username, passwords[username]), language, size)

    for language in LANGUAGES:
        for name, size in SIZES.items():
            page = enter("guard", language, size)
            page.goto("/wall")
            page.wait_for_timeout(2500)
            page.screenshot(path=out / f"wall-{name}-{language}.png")
            alert = with_picture(page)
            if alert and name == "wide":
                page.click(f"#alert-{alert}")
                page.wait_for_timeout(1500)
                page.screenshot(path=out / f"wall-picture-{language}.png")
            for what, path in (("alert", f"/alerts/{alert}"), ("devices", "/devices")):
                look(page, path, out / f"{what}-{name}-{language}.png")
            page.context.close()
            page = enter("admin", language, size)
            for what, path in OF_ADMINISTRATORS.items():
                look(page, path, out / f"{what}-{name}-{language}.png")
            page.context.close()
            page = enter("family", language, size)
            for what, path in OF_FAMILIES.items():
                look(page, path, out / f"{what}-{name}-{language}.png", whole=name == "phone")
            page.context.close()


def side_by_side(browser: Browser, pictures: list[Path], out: Path) -> None:
    """Put pictures beside each other into one."""
    page = browser.new_page(viewport={"width": 1250, "height": 864})
    images = "".join(
        f'<img style="height:844px;border-radius:14px" src="data:image/png;base64,{encoded(p)}">'
        for p in pictures
    )
    page.set_content(f'<body style="margin:10px;display:flex;gap:12px">{images}</body>')
    page.wait_for_timeout(300)
    page.screenshot(path=out, omit_background=True)
    page.close()


def encoded(path: Path) -> str:
    """Give a file's content in base64."""
    return base64.b64encode(path.read_bytes()).decode()


def token(page: Page) -> dict[str, str]:
    """Give the header that proves a request is ours."""
    return {
        "X-CSRF-Token": page.locator("meta[name=csrf], [name=csrf]").first.evaluate(
            "e => e.content || e.value"
        )
    }


def main() -> None:
    """Read the demo's folder and take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dir", type=Path, default=Path(".anju/demo"))
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    options = parser.parse_args()
    passwords = json.loads((options.dir / "passwords.json").read_text("utf-8"))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        shoot(browser, options.url, passwords, options.out)
        phones = [options.out / f"{name}.png" for name in PHONES]
        side_by_side(browser, phones, options.out / "phones.png")
        browser.close()


if __name__ == "__main__":
    main()
