"""An alert's timeline in words: one line for each step."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from anju_dashboards import words
from anju_dashboards.pages import Page
from anju_dashboards.recipients import Recipients
from anju_platform.alerts.schemas import TimelineView

Said = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the timeline, in words."""

    at: datetime
    icon: str
    text: str
    by: str
    note: str
    photo: str = ""
    """Its id, if somebody added one."""


def in_words(page: Page, step: TimelineView, names: Recipients) -> Step:
    """Put one step into words."""
    said = step.data
    text = page.text(words.TIMELINE.get(step.kind, step.kind))
    put = _WORDS.get(step.kind)
    return Step(
        at=step.at,
        icon=words.TIMELINE_ICON.get(step.kind, "circle-dot"),
        text=put(page, text, said, names) if put is not None else text,
        by=step.user or "",
        note=str(said.get("text") or said.get("note") or _wrong(page, said, names)),
        photo=str(said.get("photo") or ""),
    )


def _dispatched(page: Page, text: str, said: Said, _names: Recipients) -> str:
    return page.text("Dispatched to %(name)s", name=said["name"]) if said.get("name") else text


def _told(_page: Page, text: str, said: Said, names: Recipients) -> str:
    return f"{text}: {names.say(said['recipient'])}" if said.get("recipient") else text


def _called(page: Page, text: str, said: Said, names: Recipients) -> str:
    if said.get("unwatched"):
        text = page.text("No wall could be seen and heard, called")
    return f"{text}: {names.say_all(said['to'])}" if said.get("to") else text


def _severity(_page: Page, text: str, said: Said, _names: Recipients) -> str:
    return f"{text}: P{said['severity']}" if said.get("severity") else text


def _unknown(page: Page, text: str, said: Said, _names: Recipients) -> str:
    gone = words.RULE_GONE.get(str(said.get("rule")))
    return page.text(gone) if gone else text


def _for_minutes(page: Page, text: str, said: Said, _names: Recipients) -> str:
    if not said.get("minutes"):
        return text
    return page.text("%(what)s, %(n)s min", what=text, n=said["minutes"])


def _handed_over(page: Page, _text: str, said: Said, names: Recipients) -> str:
    return page.text("Handed over by %(name)s", name=names.say(f"user:{said.get('from')}"))


def _closed(page: Page, text: str, said: Said, _names: Recipients) -> str:
    cause = words.CAUSE.get(str(said.get("cause")))
    return f"{text}: {page.text(cause)}" if cause else text


def _muted(page: Page, text: str, said: Said, _names: Recipients) -> str:
    """Add by what an alert was muted, or is no longer."""
    overlays = said.get("muted") or [one for one in [said.get("overlay")] if one]
    names = [page.text(words.OVERLAY[one]) for one in overlays if one in words.OVERLAY]
    if said.get("title"):
        names.append(page.language.pick(said["title"], said.get("title_en")))
    return f"{text}: {' · '.join(names)}" if names else text


def _wrong(page: Page, said: Said, names: Recipients) -> str:
    """Say what was wrong with whom a step was to call."""
    lines = [
        *(page.text("nobody is in %(name)s", name=one) for one in said.get("nobody", ())),
        *(page.text("nobody is on duty by %(name)s", name=one) for one in said.get("holes", ())),
        *(page.text("%(name)s was not handed over", name=one) for one in said.get("overlaps", ())),
        *(
            page.text("%(name)s must be called by hand", name=names.contact(one))
            for one in said.get("by_hand", ())
        ),
        *(page.text("the home has no contact %(n)s", n=one) for one in said.get("missing", ())),
    ]
    return " · ".join(lines)


_WORDS: Mapping[str, Callable[[Page, str, Said, Recipients], str]] = {
    "dispatched": _dispatched,
    "told": _told,
    "escalated": _called,
    "expired": _called,
    "speaks": _called,
    "drill_over": _called,
    "rose": _severity,
    "fell": _severity,
    "unknown": _unknown,
    "shelf_asked": _for_minutes,
    "shelved": _for_minutes,
    "handed_over": _handed_over,
    "raised": _muted,
    "reopened": _muted,
    "muted": _muted,
    "unmuted": _muted,
    "closed": _closed,
}
"""What is added to the words of a kind of step."""
