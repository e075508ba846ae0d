"""A page used with the keyboard alone: where the focus is, and whether it can be seen."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from guarded_site import PASSWORD
from playwright.sync_api import Page

SERIOUS = {"serious", "critical"}
_AT = """() => {
  const it = document.activeElement;
  const said = it.getAttribute("aria-label") || it.labels?.[0]?.textContent;
  const words = said || it.textContent || "";
  const box = it.getBoundingClientRect();
  const rings = [it, it.closest("label"), it.querySelector(".placing")].some((each) => {
    const style = each && getComputedStyle(each);
    return style && style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
  });
  const across = box.width > 0 && box.right > 0 && box.left < innerWidth;
  return {
    words: words.replace(/\\s+/g, " ").trim(),
    nowhere: it === document.body,
    seen: rings && across && box.bottom > 0 && box.top < innerHeight,
    what: it.outerHTML.slice(0, 160),
  };
}"""


def focused(page: Page) -> str:
    """Give the words of what has the focus; it is somewhere, and is seen to be there."""
    at = page.evaluate(_AT)
    for _ in range(40):
        if not at["nowhere"] and at["seen"]:  # a dialog that closes keeps it for a moment
            break
        page.wait_for_timeout(50)
        at = page.evaluate(_AT)
    assert not at["nowhere"], "nothing has the focus"
    assert at["seen"], f"the focus cannot be seen: {at['what']}"
    return str(at["words"])


def tab_to(page: Page, words: str, *, most: int = 200, key: str = "Tab") -> None:
    """Go to what begins with these words, by the tabulator alone; each stop on the way is seen."""
    passed = []
    for _ in range(most):
        page.keyboard.press(key)
        at = page.evaluate(_AT)
        if at["nowhere"]:  # the end of the page: the browser's own bar is next
            continue
        assert at["seen"], f"the focus cannot be seen: {at['what']}"
        if at["words"].startswith(words):
            return
        passed.append(at["words"][:24])
    raise AssertionError(f"the keyboard never comes to {words!r}, but to {passed}")


def press(page: Page, words: str, *, key: str = "Tab") -> None:
    """Go to something and press it."""
    tab_to(page, words, key=key)
    page.keyboard.press("Enter")


def follow(page: Page, words: str, *, key: str = "Tab") -> None:
    """Go to something that leads to another page, and go there."""
    tab_to(page, words, key=key)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def write(page: Page, field: str, text: str) -> None:
    """Go to a field and type."""
    tab_to(page, field)
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(text)


def log_in_by_keys(page: Page, username: str, at: str = "/") -> None:
    """Log in without a mouse, and come to where one's work begins."""
    page.goto(f"/login?next={at}")
    page.keyboard.type(username)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/login" not in url)


def faults(page: Page) -> list[str]:
    """Give what axe finds serious, and whether anything is wider than the window."""
    page.wait_for_load_state()  # styles and all: before, nothing fits
    over = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    found = Axe().run(page).response["violations"]
    serious = [
        f"{one['id']}: {one['nodes'][0]['html'][:160]}" for one in found if one["impact"] in SERIOUS
    ]
    return serious + ([f"{over} px too wide"] if over else [])
