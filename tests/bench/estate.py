"""A housing estate of any size: homes with the same few sensors behind some gateways."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

MIXED = ("pir", "climate", "door_contact")
"""What a home has in turn; each says three values with a reading."""
PER_HOME = 10
_HEAD = {"slug": "estate", "name": "测园", "name_en": "Bench Estate"}

Devices = Mapping[str, str]
"""Models of devices, by slug."""


@dataclass(frozen=True, kw_only=True)
class Estate:
    """``gateways`` with ``devices`` in all, spread evenly, of ``models`` in turn."""

    gateways: int
    devices: int
    models: Sequence[str] = MIXED

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

    def add_to(self, document: dict[str, Any]) -> None:
        """Add buildings, homes, gateways and devices to a community file."""
        for gateway, devices in self.by_gateway().items():
            names = {"name": gateway, "name_en": gateway}
            labels = {"label": gateway, "label_en": gateway}
            document["places"].append({"slug": gateway, "kind": "building", **labels})
            document["gateways"].append({"slug": gateway, "place": gateway, **names})
            for entry in _described(gateway, devices):
                if entry["household"] not in (None, *_last(document["households"])):
                    _move_in(document, gateway, entry["household"])
                document["devices"].append(entry)

    def community(self) -> dict[str, Any]:
        """Give a community file of nothing but this estate."""
        document: dict[str, Any] = {"community": dict(_HEAD)}
        document |= {name: [] for name in ("places", "gateways", "households", "devices")}
        self.add_to(document)
        return document


def _last(households: Sequence[Mapping[str, Any]]) -> list[str]:
    return [households[-1]["slug"]] if households else []


def _move_in(document: dict[str, Any], gateway: str, home: str) -> None:
    flat = {"slug": home, "parent": gateway, "kind": "unit", "label": home, "label_en": home}
    document["places"].append(flat)
    household = {"slug": home, "place": home, "attributes": {"lives_alone": True}}
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
