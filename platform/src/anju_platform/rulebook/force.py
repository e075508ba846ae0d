"""Which rules are in force in a community: the library, overlaid with what its people chose.

The web process and ingest ask here alike, so that a screen shows what is really judged by.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from anju_platform.registry.snapshot import KnownCommunity
from anju_platform.rulebook import listing
from anju_platform.rulebook.listing import Activation, VersionKey
from anju_platform.rulebook.texts import RESERVED, read_version
from anju_rules import CompiledRule, InvalidRuleError, Rule, RuleSet
from anju_rules.ruleset import compile_rule

log = logging.getLogger(__name__)

Library = Mapping[str, Rule]
"""The built-in rules by their ids."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What a community chose for one rule id.

    ``rule`` is what is in force: none when it is switched off. ``fault`` says why it is not
    what ``activation`` asked for: a release may not read what an older one wrote.
    """

    activation: Activation
    rule: Rule | None
    of_library: bool = False
    fault: str = ""


Overlay = Mapping[str, Choice]
"""What one community chose, by the rule's id; of all others the library's are in force."""
Overlays = Mapping[int, Overlay]
"""The overlays by community id; most communities have none."""


def load(
    session: Session,
    library: Library,
    community_id: int | None = None,
    rule_id: str | None = None,
    *,
    before: Overlays | None = None,
) -> Overlays:
    """Read what was chosen: of one community or all, of one rule or all.

    What stands as it did ``before`` is not read again, and its rules are the same objects.
    """
    latest = listing.latest_activations(session, community_id, rule_id)
    kept = {one: choice for one in latest if (choice := _unchanged(one, before)) is not None}
    wanted = [key for one in latest if (key := one.key) is not None and one not in kept]
    texts = listing.texts(session, wanted)
    found: dict[int, dict[str, Choice]] = {}
    for activation in latest:
        choice = kept.get(activation) or _choose(session, library, activation, texts)
        if choice.fault and community_id is None:  # ingest says it; screens show it
            log.error(
                "rule %s of community %d: %s",
                activation.rule_id,
                activation.community_id,
                choice.fault,
            )
        found.setdefault(activation.community_id, {})[activation.rule_id] = choice
    return found


def _unchanged(activation: Activation, before: Overlays | None) -> Choice | None:
    choice = (before or {}).get(activation.community_id, {}).get(activation.rule_id)
    if choice is None or choice.fault or choice.activation.number != activation.number:
        return None
    return choice


def _choose(
    session: Session, library: Library, activation: Activation, texts: Mapping[VersionKey, str]
) -> Choice:
    if activation.version is None:
        return Choice(activation, None)
    built_in = library.get(activation.rule_id)
    if activation.rule_id in RESERVED:  # a release before this one may have let it through
        return Choice(
            activation, built_in, fault="the platform uses this id itself; choose another"
        )
    if activation.of_library:
        fault = "" if built_in is not None else "this release's library has no such rule"
        return Choice(activation, built_in, of_library=True, fault=fault)
    read = _read(activation, texts)
    if isinstance(read, Rule):
        return Choice(activation, read)
    return _fall_back(session, built_in, activation, f"version {activation.version}: {read}")


def _read(activation: Activation, texts: Mapping[VersionKey, str]) -> Rule | InvalidRuleError:
    key = activation.key
    text = texts.get(key) if key is not None else None
    if text is None or activation.version is None:
        return InvalidRuleError("its text is not there")
    return read_version(text, activation.rule_id, activation.version)


def _fall_back(
    session: Session, built_in: Rule | None, activation: Activation, fault: str
) -> Choice:
    """Choose what was in force before and can be read, else the library's: better than nothing."""
    log_of_rule = listing.activations(session, activation.community_id, activation.rule_id)
    former = [one for one in log_of_rule if one.number < activation.number and one.version]
    texts = listing.texts(session, [key for one in former if (key := one.key) is not None])
    for one in former:
        if one.of_library:
            break
        read = _read(one, texts)
        if isinstance(read, Rule):
            return Choice(activation, read, fault=fault)
    return Choice(activation, built_in, of_library=built_in is not None, fault=fault)


def in_force(library: Library, overlay: Overlay) -> list[Rule]:
    """Give the rules of a community: the library's where it chose nothing, and its own."""
    kept = [rule for rule in library.values() if rule.id not in overlay]
    return kept + [choice.rule for choice in overlay.values() if choice.rule is not None]


_Hours = tuple[str, frozenset[date]]
"""A time zone and its holidays: all of a community that a compiled rule depends on."""
_Content = tuple[_Hours, tuple[int, ...]]
"""What two rule sets have in common that are one: their hours, and the ids of their rules."""


class RuleSets:
    """Makes the communities' rule sets; what is alike in two of them is compiled once.

    A rule that did not change is the same compiled object as before, and so is a set of them.
    """

    def __init__(self, library: Library) -> None:
        self._library = library
        self._compiled: dict[tuple[_Hours, int], CompiledRule] = {}
        self._sets: dict[_Content, RuleSet] = {}

    def of(self, communities: Iterable[KnownCommunity], overlays: Overlays) -> dict[int, RuleSet]:
        """Give the rule set of every community, in its own time zone, by its id."""
        compiled: dict[tuple[_Hours, int], CompiledRule] = {}
        sets: dict[_Content, RuleSet] = {}
        found = {}
        for community in communities:
            hours = community.timezone, community.holidays
            rules = in_force(self._library, overlays.get(community.id, {}))
            key = hours, tuple(id(rule) for rule in rules)
            if key not in sets:
                every = [self._compile(rule, hours, compiled) for rule in rules]
                sets[key] = self._sets.get(key) or RuleSet.sharing(every)
            found[community.id] = sets[key]
        # these hold the rules themselves too, so no id is used twice
        self._compiled, self._sets = compiled, sets
        return found

    def _compile(
        self, rule: Rule, hours: _Hours, into: dict[tuple[_Hours, int], CompiledRule]
    ) -> CompiledRule:
        key = hours, id(rule)
        if key not in into:
            known = self._compiled.get(key)
            into[key] = known if known is not None else compile_rule(rule, *hours)
        return into[key]
