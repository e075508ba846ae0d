"""Who sees what for what until when, as a table: one line for each who looks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from anju_dashboards import words
from anju_dashboards.pages import Page
from anju_platform.auth.model import Role
from anju_platform.consent.schemas import ConsentView, HomeConsents
from anju_platform.consent.service import VIEWERS
from anju_platform.sharing.model import ALL, BY_CONTRACT, DEVICE, GROUP, KIND, Purpose

COLUMNS = (Purpose.CARE, Purpose.EMERGENCY, Purpose.SUPPORT)
"""Purposes for which somebody looks; learning and measuring are of nobody's eyes."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What one who looks may see for one purpose; ``by_contract``: nobody said anything of it."""

    purpose: Purpose
    words: tuple[ConsentView, ...]
    by_contract: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One who looks, and what they may see."""

    viewer: str
    name: str
    cells: tuple[Cell, ...]


def lines(page: Page, home: HomeConsents, person: str) -> list[Line]:
    """Give the table of one person's words: the roles whose work it is, then whoever is named."""
    said = [one for one in home.in_force if one.person == person]
    known = [f"role:{role}" for role in (Role.FAMILY, *VIEWERS) if role is not Role.FAMILY]
    viewers = dict.fromkeys([f"role:{Role.FAMILY}", *known])
    viewers |= dict.fromkeys(one.viewer for one in said if one.purpose in COLUMNS)
    names = {one.viewer: one.viewer_name for one in said}
    return [
        Line(
            viewer,
            viewer_text(page, viewer, names.get(viewer)),
            tuple(_cell(said, viewer, purpose) for purpose in COLUMNS),
        )
        for viewer in viewers
    ]


def _cell(said: Sequence[ConsentView], viewer: str, purpose: Purpose) -> Cell:
    found = tuple(one for one in said if (one.viewer, one.purpose) == (viewer, purpose))
    looks = viewer.removeprefix("role:") in set(VIEWERS) or viewer.startswith(("user:", GROUP))
    in_general = any(one.sensors == ALL for one in found)
    return Cell(purpose, found, by_contract=purpose in BY_CONTRACT and looks and not in_general)


def viewer_text(page: Page, viewer: str, name: str | None = None) -> str:
    """Name who looks."""
    kind, _, role = viewer.partition(":")
    if viewer.startswith(GROUP):
        if name is None:
            return page.text("a group that is no more")
        return page.text("group %(name)s", name=name)
    if kind == "user":
        return name or viewer
    return page.text(words.ROLE[role]) if role in words.ROLE else page.text("everybody")


def sensors_text(page: Page, sensors: str, home: HomeConsents) -> str:
    """Name what is seen."""
    titles: Mapping[str, str] = {
        **{
            KIND + one.model: page.language.pick(one.model_title, one.model_title_en)
            for one in home.sensors
        },
        **{DEVICE + one.slug: page.language.pick(one.name, one.name_en) for one in home.sensors},
    }
    if sensors in words.SENSORS:
        return page.text(words.SENSORS[sensors])
    return titles.get(sensors, sensors)
