"""Every screen there is: whose it is, how to get there, and what must be on it.

``tools/screenshots.py`` takes the pictures and writes docs/screens.md from this list.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from playwright.sync_api import Page


@dataclass(frozen=True)
class Screen:
    """A screen: ``who`` (nobody: not logged in) looks at ``path`` and finds ``has`` on it.

    ``{...}`` in the path is found in the demo (screens_found.py); ``has`` is a CSS selector.
    ``do`` is done there before the picture. ``status`` is what the page answers.
    """

    name: str
    title: str
    said: str
    who: str
    path: str
    has: str
    do: Callable[[Page], None] | None = None
    status: int = 200


def _open_fold(page: Page) -> None:
    page.locator("#alerts > li > .fold").first.click()
    page.wait_for_selector('#alerts .fold[aria-expanded="true"]')


def _map(page: Page) -> None:
    if page.locator('[data-tab="map"]').is_visible():
        page.locator('[data-tab="map"]').click()
    page.wait_for_selector(".leaflet-container")


def _press(what: str) -> Callable[[Page], None]:
    def press(page: Page) -> None:
        page.locator(f'[data-do="{what}"]').first.click()
        page.wait_for_selector("dialog#ask[open] #ask-title")

    return press


def _manage(page: Page) -> None:
    page.locator("details.menu summary").first.click()


def _log_in_wrong(page: Page) -> None:
    page.fill("[name=username]", "guard")
    page.fill("[name=password]", "not this one")
    page.click("form.login button")
    page.wait_for_selector("[role=alert]")


def _open_first(page: Page) -> None:
    page.locator("main details > summary").first.click()


_WALL = "#alerts > li"
_ROWS = "main table tbody tr"

SCREENS: Mapping[str, tuple[Screen, ...]] = {
    "Guards": (
        Screen(
            "wall",
            "The wall",
            "Open alerts, the worst first; the site plan; the selected alert with its picture.",
            "guard",
            "/wall#{pictured}",
            f"{_WALL} + li",
        ),
        Screen(
            "wall-map",
            "The plan",
            "Where things are, and who is there; on a telephone a tab of the wall.",
            "guard",
            "/wall",
            _WALL,
            do=_map,
        ),
        Screen(
            "wall-fold",
            "What came together",
            "Lesser alerts of one place and minute are one row that opens.",
            "guard",
            "/wall",
            "#alerts .fold",
            do=_open_fold,
        ),
        Screen(
            "wall-drill",
            "A drill",
            "A drill rings like an alarm and is marked as one everywhere.",
            "guard",
            "/wall",
            ".windows .drill",
        ),
        Screen(
            "wall-menu",
            "The wall's menu",
            "Every page can be reached from the wall.",
            "property",
            "/wall",
            _WALL,
            do=lambda page: page.locator("details.menu summary").last.click(),
        ),
        Screen(
            "alert",
            "An alert's page",
            "All that happened, on one address; prints well.",
            "guard",
            "/alerts/{pictured}",
            ".timeline li",
        ),
        Screen(
            "alert-photo",
            "An alert that somebody has",
            "Who has it, what they found, with a photo.",
            "guard",
            "/alerts/{photographed}",
            ".timeline .photo img",
        ),
        Screen(
            "alert-life",
            "A P1",
            "Who was told by what, who is next, whom to call, who passed there.",
            "guard",
            "/alerts/{life}",
            ".timeline li",
        ),
        Screen(
            "emergency-card",
            "The emergency card",
            "What to say to 120, 119 or 110; each look is on record.",
            "guard",
            "/alerts/{life}",
            ".timeline li",
            do=_press("card"),
        ),
        Screen(
            "ask-dispatch",
            "Sending somebody",
            "Who can be sent.",
            "guard",
            "/alerts/{pictured}",
            ".timeline li",
            do=_press("dispatch"),
        ),
        Screen(
            "ask-close",
            "Closing",
            "An alert is closed with a cause: from that its rule's precision is known.",
            "guard",
            "/alerts/{pictured}",
            ".timeline li",
            do=_press("close"),
        ),
        Screen(
            "ask-shelve",
            "Putting aside",
            "For a while and with a reason; what a life may hang on only by two.",
            "guard",
            "/alerts/{pictured}",
            ".timeline li",
            do=_press("shelve"),
        ),
        Screen(
            "shelved",
            "Shelved alerts",
            "What was put aside, by whom, why and until when.",
            "guard",
            "/shelved",
            "main article, main li, main tbody tr",
        ),
        Screen(
            "history",
            "Alerts",
            "All alerts, open and closed, to be searched.",
            "guard",
            "/alerts",
            _ROWS,
        ),
        Screen(
            "history-empty",
            "Nothing found",
            "What an empty list says.",
            "guard",
            "/alerts?rule=locator-outside",
            "main .empty",
        ),
        Screen(
            "rota",
            "Duty",
            "Who is on duty now and in the days to come; a change of shift that waits for you.",
            "guard",
            "/rota",
            "main form button",
        ),
        Screen(
            "grid",
            "A grid worker's alerts",
            "Of the buildings they look after, and no others.",
            "grid",
            "/alerts",
            "main table, main .empty",
        ),
    ),
    "Families": (
        Screen(
            "family",
            "An ordinary day",
            "One home, the truth in one sentence, her day beside a usual one.",
            "family",
            "/family",
            "main .state-ordinary, main [data-state=ordinary], main",
        ),
        Screen(
            "family-alert",
            "Somebody has the alarm",
            "What, since when, and who has it.",
            "family2",
            "/family?home={alarmed}",
            "main",
        ),
        Screen(
            "family-unprotected",
            "Protection is interrupted",
            "What a life may hang on is worked on, and the page says so.",
            "family2",
            "/family?home={worked_on}",
            "main",
        ),
        Screen(
            "family-away",
            "Declared away",
            "Silence is no alarm then; everything else still is.",
            "family2",
            "/family?home={away}",
            "main",
        ),
        Screen(
            "family-unshared",
            "Not shared",
            "Whoever lives there decides; protection is on all the same.",
            "family2",
            "/family?home={unshared}",
            "main",
        ),
        Screen(
            "family-looks",
            "Who looked",
            "Everybody who looked at her data, and what for.",
            "family",
            "/family/{own}/looks",
            "main li, main tbody tr",
        ),
        Screen(
            "me",
            "How I am reached",
            "Each person's addresses and log-ins.",
            "family",
            "/me",
            "main",
        ),
    ),
    "The property and community office": (
        Screen("homes", "Homes", "Who lives where, and whom to call.", "office", "/homes", _ROWS),
        Screen(
            "home",
            "A home",
            "Its people and contacts, and what is shared of it.",
            "office",
            "/homes/{own}",
            "main",
        ),
        Screen(
            "import",
            "Homes by spreadsheet",
            "A file is sent and shown first.",
            "office",
            "/homes/import",
            "main form",
        ),
        Screen(
            "import-preview",
            "What a file would change",
            "Row by row, with what was there before.",
            "office",
            "/homes/import/{import}",
            "main tbody tr, main li",
        ),
        Screen(
            "consents",
            "Consent",
            "How homes stand: what is missing, and what ends soon.",
            "office",
            "/consents",
            _ROWS,
        ),
        Screen(
            "consent",
            "A home's consent",
            "Who sees what their sensors say, what for and until when.",
            "office",
            "/consents/{own}",
            "main",
        ),
        Screen(
            "consent-sheet",
            "The sheet to sign",
            "For paper.",
            "office",
            "/consents/{own}/sheet",
            "main, body",
        ),
        Screen(
            "rota-office",
            "Rotas as the office keeps them",
            "Exceptions, hand-overs, and when nobody is on duty.",
            "property",
            "/rota",
            "main form button",
        ),
        Screen(
            "rota-edit",
            "Changing a rota",
            "Shifts by days and times.",
            "property",
            "/rota/{rota}/edit",
            "main form button",
        ),
        Screen(
            "groups", "Groups", "People whom a plan calls together.", "property", "/groups", "main"
        ),
        Screen(
            "maintenance",
            "Maintenance and drills",
            "Work mutes its own alerts for a time; what is planned, and what goes on.",
            "property",
            "/maintenance",
            "main tbody tr, main li",
        ),
        Screen(
            "reports",
            "Report of a month",
            "How soon alerts were answered, and which rules were right.",
            "property",
            "/reports?span=month",
            "main table",
        ),
        Screen(
            "reports-shift",
            "Report of a shift",
            "For the hand-over; as CSV and as a PDF.",
            "property",
            "/reports",
            "main table",
        ),
        Screen(
            "invite",
            "Inviting somebody",
            "A link lets somebody choose a name and a password, once.",
            "office",
            "/people",
            "main form",
        ),
    ),
    "Installers": (
        Screen(
            "devices",
            "Devices",
            "What needs care first.",
            "installer",
            "/devices",
            _ROWS,
        ),
        Screen(
            "device",
            "A device",
            "What it says, how it is, and its history.",
            "property",
            "/devices/{device}",
            "main .chart, main time-chart",
        ),
        Screen(
            "waiting",
            "Devices that wait",
            "Who speaks and is not known yet is approved with its place.",
            "installer",
            "/waiting-devices",
            "main form",
        ),
        Screen("places", "Places", "The tree of places.", "installer", "/places", "main"),
        Screen(
            "place",
            "A place",
            "What lies in it, and what may be done about it.",
            "installer",
            "/places?at=b1-1",
            "main",
        ),
        Screen(
            "plan",
            "The plan",
            "A picture under it, and devices where they stand.",
            "installer",
            "/places/plan",
            "main .leaflet-container, main svg, main canvas",
        ),
    ),
    "Administrators": (
        Screen("rules", "Rules", "What rings and when, in words.", "admin", "/rules", _ROWS),
        Screen(
            "rule",
            "A rule",
            "Its text and tests, its versions, and how right it was.",
            "admin",
            "/rules/night-entry",
            "main form",
        ),
        Screen(
            "new-rule",
            "A new rule",
            "A rule is a small text with its own tests.",
            "admin",
            "/new-rule",
            "main form textarea",
        ),
        Screen(
            "backtest",
            "A back-test",
            "How many alerts it would have raised, beside what is in force.",
            "admin",
            "/backtests/{backtest}",
            "main svg, main .chart, main table",
        ),
        Screen(
            "escalation",
            "Escalation",
            "Who is called when nobody takes an alert on, and who changed that.",
            "admin",
            "/escalation",
            "main",
        ),
        Screen(
            "escalation-edit",
            "Changing a plan",
            "Steps in words.",
            "admin",
            "/escalation/plan?severity=1",
            "main form",
        ),
        Screen(
            "rehearsal",
            "Who would be called",
            "A plan gone through at any time, with what is wrong with it.",
            "admin",
            "/escalation/rehearsal?severity=1",
            "main",
        ),
        Screen(
            "channels",
            "Channels",
            "How people are reached who look at no screen.",
            "admin",
            "/channels",
            "main form",
        ),
        Screen(
            "webhooks",
            "Other systems",
            "What each hears, and whether it takes it.",
            "admin",
            "/webhooks",
            "main form",
        ),
        Screen(
            "webhook",
            "Messages to another system",
            "What became of each; it can be sent again.",
            "admin",
            "/webhooks/street",
            "main tbody tr, main li",
        ),
        Screen(
            "tokens",
            "Tokens",
            "Programs with fewer rights than their maker.",
            "admin",
            "/me/tokens",
            "main form",
        ),
        Screen("people", "People", "Who may log in, and invitations.", "admin", "/people", _ROWS),
        Screen("audit", "Audit", "Who did and read what.", "auditor", "/audit", _ROWS),
        Screen(
            "system",
            "System",
            "How the platform itself is doing.",
            "admin",
            "/system",
            "main",
        ),
        Screen(
            "second-factor",
            "Two-step log-in",
            "A code of a telephone after the password.",
            "admin",
            "/me/second-factor",
            "main form",
        ),
        Screen(
            "me-admin",
            "How I am reached, of the staff",
            "Each person's addresses and log-ins.",
            "guard",
            "/me",
            "main",
        ),
    ),
    "Everybody": (
        Screen("login", "Log-in", "The way in.", "", "/login", "form.login"),
        Screen(
            "login-refused",
            "Log-in refused",
            "Which of the two was wrong is not said.",
            "",
            "/login",
            "form.login",
            do=_log_in_wrong,
        ),
        Screen(
            "invited",
            "An invitation",
            "A name and a password of one's own.",
            "",
            "/invited/{invitation}",
            "form",
        ),
        Screen(
            "not-found",
            "Not found",
            "What is not there, says so and shows the way back.",
            "guard",
            "/alerts/00000000-0000-7000-8000-000000000000",
            "main",
            status=404,
        ),
        Screen(
            "no-permission",
            "No permission",
            "What is for others.",
            "guard",
            "/audit",
            "main",
            status=403,
        ),
    ),
}
