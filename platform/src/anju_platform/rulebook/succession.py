"""What a new version of a rule takes over of what the old one remembered."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from anju_platform.registry.snapshot import KnownCommunity
from anju_rules import CompiledRule, Rule
from anju_rules.ruleset import is_of

AT_ONCE = 0
"""A due time that has come: the new version looks at what it took over in the same breath."""


def shape(rule: Rule) -> str:
    """Tell what a rule's memories are memories of; of another shape they mean nothing to it.

    A window of one quantity is none of another, and two of three steps are not two of two.
    """
    kind = "silence" if rule.waits_for_word else "readings"
    kept = "".join(f", {one}" for one in _kept(rule))
    return f"{kind} of {rule.entity} by {rule.discriminator or 'nothing'}{kept}"


def _kept(rule: Rule) -> Iterator[str]:
    """Give what its operators keep besides: moments with their values, beginnings."""
    if rule.rate is not None:
        yield f"rate of {rule.rate.of}"
    if rule.distinct is not None:
        yield f"distinct {rule.distinct.of}"
    if rule.sequence is not None:
        yield f"after {len(rule.sequence.after)} steps"
    yield from (name for name in ("count", "travel") if getattr(rule, name) is not None)


class Heirs:
    """Finds the device through which a rule looks at an entity it has a memory of."""

    def __init__(self) -> None:
        self._speakers: dict[tuple[int, str], Mapping[str, Sequence[str]]] = {}

    def device(
        self, rule: CompiledRule, entity: str, before: str, community: KnownCommunity
    ) -> str | None:
        """Give the device that spoke ``before`` if the rule is about it, else another one's slug.

        Nothing when the rule is about no device of that entity: the memory has no heir.
        """
        key = community.id, rule.rule.id
        if key not in self._speakers:
            self._speakers[key] = self._of(rule, community)
        slugs = self._speakers[key].get(entity.partition("#")[0], ())
        return before if before in slugs else next(iter(slugs), None)

    @staticmethod
    def _of(rule: CompiledRule, community: KnownCommunity) -> dict[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for device in community.devices.values():
            name = device.entities.get(rule.rule.entity)
            if name is not None and is_of(rule, device.model.name):
                found[name].append(device.slug)
        return dict(found)
