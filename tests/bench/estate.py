"""A housing estate of any size: homes with the same few sensors behind some gateways."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

MIXED = ("pir", "climate", "door_contact")
"""What a home has in turn; each says three values with a reading."""
PER_HOME = 10
SLUG = "bench-0"
"""The first community's."""

Devices = Mapping[str, str]
"""Models of devices, by slug."""


@dataclass(frozen=True, kw_only=True)
class Estate:
    """``gateways`` with ``devices`` in all, spread evenly, of ``models`` in turn.

    They stand in ``communities``, each of which has as many of them.
    """

    gateways: int
    devices: int
    models: Sequence[str] = MIXED
    communities: int = 1

    def by_gateway(self) -> dict[str, Devices]:
        """Give each gateway's devices."""
        each = self.devices // self.gateways
        return {
            f"estate-{n:03d}": {
                f"e{n:03d}-{number:05d}": model
                for number, model in enumerate(islice(cycle(self.models), each))
            }
            for n in range(self.gateways)
        }

    def documents(self) -> list[dict[str, Any]]:
        """Give the communities' files."""
        gateways = list(self.by_gateway().items())
        return [
            _community(n, dict(gateways[n :: self.communities])) for n in range(self.communities)
        ]


def _community(number: int, gateways: Mapping[str, Devices]) -> dict[str, Any]:
    names = {"name": f"测园 {number + 1}", "name_en": f"Bench Estate {number + 1}"}
    document: dict[str, Any] = {"community": {"slug": f"bench-{number}", **names}}
    document |= {name: [] for name in ("places", "gateways", "households", "devices")}
    for gateway, devices in gateways.items():
        named = {"name": gateway, "name_en": gateway}
        labels = {"label": gateway, "label_en": gateway}
        document["places"].append({"slug": gateway, "kind": "building", **labels})
        document["gateways"].append({"slug": gateway, "place": gateway, **named})
        for entry in _described(gateway, devices):
            if entry["household"] not in (None, *_last(document["households"])):
                _move_in(document, gateway, entry["household"])
            document["devices"].append(entry)
    return document


def _last(households: Sequence[Mapping[str, Any]]) -> list[str]:
    return [households[-1]["slug"]] if households else []


def _move_in(document: dict[str, Any], gateway: str, home: str) -> None:
    flat = {"slug": home, "parent": gateway, "kind": "unit", "label": home, "label_en": home}
    document["places"].append(flat)
    household: dict[str, Any] = {"slug": home, "place": home, "attributes": {"lives_alone": True}}
    household["consents"] = [
        {"viewers": ["guard", "admin", "family"], "purposes": ["care"]},
        {"viewers": ["everybody"], "purposes": ["statistics"]},
    ]
    document["households"].append(household)


def _described(gateway: str, devices: Devices) -> Iterator[dict[str, Any]]:
    for number, (slug, model) in enumerate(devices.items()):
        home = f"{gateway}-{number // PER_HOME:04d}"
        yield {
            "slug": slug,
            "model": model,
            "gateway": gateway,
            "place": home,
            "household": home,
            "name": slug,
            "name_en": slug,
        }
