"""Whether somebody is at home, per household: what inactivity rules depend on."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from anju_rules import Fact
from anju_rules.home import MODELS as TELL_OF_HOME
from anju_rules.home import HomeState, home, observe, quiet_h

HOME_STATE = "home-state"
"""The rule id under which it is stored."""


__all__ = ["HOME_STATE", "TELL_OF_HOME", "Homes"]


class Homes:
    """The home state of every household."""

    def __init__(self) -> None:
        self._states: dict[tuple[int, str], HomeState] = {}
        self._changed: set[tuple[int, str]] = set()

    def restore(self, community_id: int, household: str, stored: Mapping[str, Any]) -> None:
        """Take over a stored state."""
        self._states[community_id, household] = msgspec.convert(stored, HomeState)

    def observe(self, community_id: int, household: str, fact: Fact) -> None:
        """Let a fact of the household tell what it may."""
        key = (community_id, household)
        before = self._states.get(key)
        after = observe(before, fact)
        if after is not None and after != before:
            self._states[key] = after
            self._changed.add(key)

    def site(
        self, community_id: int, household: str | None, person: Mapping[str, Any], now: int
    ) -> dict[str, Any]:
        """Give ``home`` (in, out or unknown) and, once known, ``quiet_h`` of ``s.*``."""
        state = self._states.get((community_id, household)) if household else None
        quiet = quiet_h(state, now)
        said: dict[str, Any] = {"home": home(state, now, person)}
        return said if quiet is None else {**said, "quiet_h": quiet}

    def take_changed(self) -> Iterator[tuple[int, str, dict[str, Any]]]:
        """Give (community id, household, state to store) of what changed since last time."""
        for community_id, household in sorted(self._changed):
            state = self._states[community_id, household]
            yield community_id, household, msgspec.to_builtins(state)
        self._changed.clear()
