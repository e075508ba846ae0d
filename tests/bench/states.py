"""How long what the rules remember takes to come back after a crash, from a real PostgreSQL."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from anju_platform.database import connect, transaction
from anju_platform.demo.postgres import EmbeddedPostgres, create_database
from anju_platform.migrate import migrate
from anju_platform.registry import snapshot
from anju_platform.registry.model import Community
from anju_platform.rulebook.book import Rulebook
from anju_rules import Context, Fact, RuleSet, load_library

START = 1_767_225_600_000
_RULES = ("device-silent", "battery-low", "door-held-open", "smoke")


def run(entities: int = 100_000) -> dict[str, float]:
    """Write a state for each of so many entities, forget all, and read it in a new process."""
    with tempfile.TemporaryDirectory(prefix="anju-pg-", ignore_cleanup_errors=True) as folder:
        server = EmbeddedPostgres(Path(folder) / "data")
        try:
            url = create_database(server.start(), "anju_states")
            migrate(url)
            saved = _save(url, entities)
            loaded = json.loads(
                subprocess.run(
                    [sys.executable, "-m", "tests.bench.states", url],
                    check=True,
                    capture_output=True,
                    text=True,
                ).stdout
            )
        finally:
            server.stop()
    return {"states": entities, "save_s": saved, **loaded}


def _save(url: str, entities: int) -> float:
    """Let every entity be heard once, some of them with something going on."""
    engine = connect(url)
    with transaction(engine) as session:
        session.add(Community(slug="bench", name="测", name_en="Bench"))
    with transaction(engine) as session:
        registry = snapshot.load(session)
        (community,) = registry.communities
        book = Rulebook(load_library(), registry)
        rules = RuleSet(load_library())
        for number in range(entities):
            rule = rules.get(_RULES[number % len(_RULES)])
            device = f"device-{number}"
            said = {"battery": 5, "alarm": True, "door_state": "open"}
            fact = Fact(device, rule.rule.models[0], {}, START, START, said, id=f"r{number}")
            site = {"gateway_online": True, "gateway_present": True, "home": "in", "armed": True}
            context = Context(START, {"interval_s": 60}, said, {}, site, lambda _: 0)
            outcome = rule.step(None, fact, context)
            book._remember((community, rule.rule.id, device), outcome, device)
        began = time.perf_counter()
        book.save(session)
    seconds = time.perf_counter() - began
    engine.dispose()
    return round(seconds, 2)


def _resident_kib() -> int:
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.split("VmRSS:")[1].split()[0])


def main() -> None:
    """Load everything from the database named and print seconds and memory as JSON."""
    engine = connect(sys.argv[1])
    before = _resident_kib()
    with transaction(engine) as session:
        registry = snapshot.load(session)
        began = time.perf_counter()
        book = Rulebook.load(session, load_library(), registry)
        seconds = time.perf_counter() - began
    after = _resident_kib()
    found = len(book._memory)
    print(
        json.dumps(
            {
                "loaded": found,
                "load_s": round(seconds, 2),
                "load_mib": round((after - before) / 1024),
            }
        )
    )


if __name__ == "__main__":
    main()
