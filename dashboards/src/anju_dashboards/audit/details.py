"""The details of an entry of the audit, in words."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Final

from anju_dashboards.pages import Page
from anju_dashboards.words import ADDRESS, CHANNEL, N_, PURPOSE, RIGHT, ROLE, SENSORS

_SHOWN = 60
_HIDDEN = frozenset({"household", "place_id"})
"""Numbers that say nothing to a person; the export has them."""

CALLED: Final = {
    "as": N_("as part of"),
    "screen": N_("screen"),
    "purpose": N_("for"),
    "alert": N_("alert"),
    "reason": N_("why"),
    "note": N_("note"),
    "name": N_("name"),
    "role": N_("role"),
    "user": N_("account"),
    "version": N_("version"),
    "model": N_("model"),
    "person": N_("person"),
    "address": N_("address"),
    "rehearsal": N_("rehearsal of a plan"),
    "backtest": N_("back-test"),
    "kind": N_("kind"),
    "rows": N_("rows"),
    "days": N_("number of days"),
    "homes": N_("homes"),
    "sensors": N_("sensors"),
    "viewer": N_("who may see it"),
    "rights": N_("may"),
    "owed": N_("wrong"),
    "by": N_("vouched for by"),
    "issuer": N_("provider"),
    "second_factor": N_("second step"),
    "minutes": N_("minutes"),
    "file": N_("file"),
    "place": N_("place"),
    "places": N_("places"),
    "gateways": N_("gateways"),
    "people": N_("people"),
    "starts_at": N_("begins"),
    "ends_at": N_("ends"),
    "until": N_("ends"),
    "before": N_("before"),
    "after": N_("after"),
}
"""What a detail is called; what is not here is shown as it is written down."""

_TIMES = frozenset({"starts_at", "ends_at", "until"})

_SAID: Final[Mapping[str, Mapping[str, str]]] = {
    "as": {"export": N_("the list that was exported"), "import": N_("a file of homes")},
    "purpose": PURPOSE,
    "role": ROLE,
    "viewer": {f"role:{name}": word for name, word in ROLE.items()}
    | {"everybody": N_("everybody")},
    "sensors": SENSORS,
    "rights": RIGHT,
    "kind": CHANNEL | ADDRESS,
    "owed": {"code": N_("the code"), "again": N_("the password or the code")},
    "by": {"oidc": N_("another provider")},
    "second_factor": {
        "code": N_("a code"),
        "recovery": N_("a recovery code"),
        "set_up": N_("set up just then"),
    },
}
"""What a detail says, in words, by what it is called."""


def details(page: Page, data: Mapping[str, object]) -> Iterator[str]:
    """Give each detail that says something in words; a long one is cut."""
    for name, value in data.items():
        if name in _HIDDEN or value is None or value in ("", [], {}):
            continue
        called = page.text(CALLED[name]) if name in CALLED else name
        said = _said(page, name, value)
        yield f"{called}: {said if len(said) <= _SHOWN else said[: _SHOWN - 1] + '…'}"


def _said(page: Page, name: str, value: object) -> str:
    if isinstance(value, bool):
        return page.text("yes") if value else page.text("no")
    if isinstance(value, list):
        return ", ".join(_said(page, name, each) for each in value)
    if isinstance(value, dict):
        return ", ".join(details(page, value))
    if isinstance(value, str) and name in _TIMES:
        with suppress(ValueError):  # another release may have written it in its own way
            return page.clock.full(datetime.fromisoformat(value))
    known = _SAID.get(name, {})
    return page.text(known[value]) if isinstance(value, str) and value in known else str(value)
