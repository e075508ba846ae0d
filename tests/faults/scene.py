"""One run's stage: two communities with a real agent each, and devices that speak to it."""

from __future__ import annotations

import random
import secrets
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import select
from sqlalchemy.orm import Session

from anju_platform.auth.model import Role, User
from anju_platform.database import transaction
from anju_platform.provision import import_community
from anju_platform.registry.model import Community

from .injector import Injector, Said, buttons, meters
from .programs import Program
from .stack import Disk, Stack, wait_until

GATEWAY = "gw"
WILD = "wild"
"""A device whose gateway speaks MQTT itself, and badly (see :mod:`.wire`)."""
KEEPALIVE_S = 5


def _add_staff(session: Session, slug: str) -> None:
    """Let there be somebody to call; nobody of them ever answers."""
    community_id = session.scalars(select(Community.id).where(Community.slug == slug)).one()
    for role in (Role.GUARD, Role.PROPERTY):
        session.add(
            User(
                username=f"{role}-{slug}",
                name=role,
                role=role,
                community_id=community_id,
                password_hash="-",
            )
        )


def community_file(slug: str) -> dict[str, Any]:
    """Describe a building with its meters, and a flat for each button."""

    def device(name: str, model: str, place: str) -> dict[str, Any]:
        where = {"gateway": GATEWAY, "place": place}
        return {"slug": name, "model": model, "name": name, "name_en": name, **where}

    flats = [
        {"slug": f"flat-{n}", "parent": "b1", "kind": "unit", "label": f"{n}", "label_en": f"{n}"}
        for n in range(len(buttons()))
    ]
    return {
        "community": {"slug": slug, "name": slug, "name_en": slug},
        "places": [{"slug": "b1", "kind": "building", "label": "1", "label_en": "1"}, *flats],
        "gateways": [{"slug": GATEWAY, "place": "b1", "name": "网关", "name_en": "Gateway"}],
        "households": [],
        "devices": [
            *(device(name, "climate", "b1") for name in (*meters(), WILD)),
            *(device(name, "sos_button", f"flat-{n}") for n, name in enumerate(buttons())),
        ],
    }


class Gateway:
    """A community's one gateway: its agent with a spool on disk, and the devices behind it."""

    def __init__(self, stack: Stack, slug: str, *, disk_mb: int | None, box_shift_s: int) -> None:
        self.slug = slug
        self.folder = stack.folder / slug
        self.disk = Disk(self.folder, disk_mb) if disk_mb else None
        self.folder.mkdir(exist_ok=True)
        self.extra: list[Said] = []
        """What was said past the agent, and counts as well."""
        token = secrets.token_urlsafe(16)
        (self.folder / "token").write_text(token, "utf-8")
        config = {
            "community": slug,
            "gateway": GATEWAY,
            "data_dir": str(self.folder),
            "broker": {"port": stack.line.port, "keepalive_s": KEEPALIVE_S},
            "native": {
                "token_file": str(self.folder / "token"),
                "port_file": str(self.folder / "port"),
            },
        }
        path = self.folder / "edge.yaml"
        path.write_text(yaml.safe_dump(config), "utf-8")
        script = str(Path(__file__).with_name("shifted_agent.py"))
        runs = [script, str(box_shift_s)] if box_shift_s else ["-m", "anju_edge"]
        command = [sys.executable, *runs, "--config", str(path)]
        log = stack.folder / f"agent-{slug}.log"
        self.agent = Program(f"agent {slug}", command, {}, log)
        self.injector = Injector(slug, self.folder / "port", token)

    def everything(self) -> list[Said]:
        """Give all that was said."""
        return [*self.injector.said, *self.extra]

    def stop(self) -> None:
        """End devices and agent."""
        self.injector.stop()
        self.agent.stop()
        if self.disk is not None:
            self.disk.stop()


@dataclass
class Scene:
    """What a fault may hurt, and the chance it may use.

    ``brief`` asks for a short version: pauses of a few seconds where there would be many.
    """

    stack: Stack
    rng: random.Random
    brief: bool
    gateways: list[Gateway]
    notes: list[str] = field(default_factory=list)

    @classmethod
    def build(
        cls,
        stack: Stack,
        name: str,
        *,
        rng: random.Random,
        brief: bool,
        disk_mb: int | None = None,
        box_shift_s: int = 0,
    ) -> Scene:
        """Bring two communities into the registry and start an agent in each."""
        slugs = [f"{name}-{side}" for side in ("a", "b")]
        with transaction(stack.engine) as session:
            for slug in slugs:
                import_community(session, community_file(slug))
                _add_staff(session, slug)
        gateways = [
            Gateway(stack, slug, disk_mb=disk_mb, box_shift_s=box_shift_s) for slug in slugs
        ]
        scene = cls(stack, rng, brief, gateways)
        for each in gateways:
            each.agent.start()
        for each in gateways:
            wait_until((each.folder / "port").exists, f"the agent of {each.slug}")
            each.injector.start()
        return scene

    @property
    def slugs(self) -> list[str]:
        """The communities."""
        return [each.slug for each in self.gateways]

    def pause(self, least_s: float, most_s: float) -> None:
        """Let a random while pass."""
        time.sleep(self.rng.uniform(least_s, most_s))

    def hold(self, full_s: float, brief_s: float) -> None:
        """Let the fault last: ``full_s``, or ``brief_s`` in the short version."""
        time.sleep(brief_s if self.brief else full_s)

    def tend(self) -> None:
        """Start again what ended by itself."""
        self.stack.tend()
        for each in self.gateways:
            if each.agent.has_ended():
                self.stack.restarts += 1
                each.agent.start()

    def stop(self) -> None:
        """End devices and agents; what is in the database stays."""
        for each in self.gateways:
            each.stop()


def logs_of(folder: Path) -> str:
    """Give the ends of all logs, for somebody who looks into a failure."""
    ends = [(p.name, p.read_text("utf-8", errors="replace")[-1500:]) for p in folder.glob("*.log")]
    return "\n".join(f"--- {name}\n{end}" for name, end in sorted(ends))
