"""Signs of life of real processes, metrics of all of them, and probes that say what is wrong."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from outer_site import Site, Web
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import select, text
from sqlalchemy.orm import Session
from typer.testing import CliRunner
from wire_sender import until

from anju_platform.cli import app
from anju_platform.database import transaction
from anju_platform.pulse import Pulse
from anju_platform.system import repository
from anju_platform.system.model import ProcessRow
from anju_platform.vitals import Figures, IngestVitals, Queue, Recent, Tally, WorkerVitals

LogIn = Callable[..., httpx.Client]


def url(site: Site) -> str:
    return site.engine.url.render_as_string(hide_password=False)


def named(site: Site) -> list[str]:
    with Session(site.engine) as session:
        return sorted(session.scalars(select(ProcessRow.name)))


@pytest.fixture
def shell(site: Site, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str]]:
    """Runs ``anju`` against the site's database; gives its status and what it said."""
    monkeypatch.setenv("ANJU_DATABASE_URL", url(site))

    def run(*command: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, command)
        return done.exit_code, done.output

    return run


def beat(site: Site, name: str, figures: Figures | None = None, *, silent_s: float = 0) -> None:
    """Let a process of this machine have given its last sign of life so many seconds ago."""
    with transaction(site.engine) as session:
        repository.beat(
            session,
            name=name,
            kind=name.partition("-")[0],
            host=socket.gethostname(),
            pid=os.getpid(),
            started_at=session.execute(text("SELECT now()")).scalar_one(),
            figures=figures or Figures(),
        )
        session.execute(
            text("UPDATE processes SET at = at - make_interval(secs => :s) WHERE name = :n"),
            {"s": silent_s, "n": name},
        )


# -- signs of life ---------------------------------------------------------------------------


def test_each_process_has_the_lowest_free_number_and_takes_leave(site: Site) -> None:
    with Pulse("worker", url(site), WorkerVitals().figures):
        until(lambda: named(site) == ["worker-1"])
        with Pulse("worker", url(site), WorkerVitals().figures):
            until(lambda: named(site) == ["worker-1", "worker-2"])
            with Pulse("web", url(site), Figures):
                until(lambda: named(site) == ["web-1", "worker-1", "worker-2"])
        assert named(site) == ["worker-1"]
    assert named(site) == []


def test_a_process_with_a_name_of_its_own_changes_its_row_with_it(site: Site) -> None:
    names: list[str | None] = [None]
    with Pulse("ingest", url(site), Figures, lambda: names[-1]):
        with Pulse("web", url(site), Figures):
            until(lambda: named(site) == ["web-1"])
        for name in ("ingest-2", "ingest-1"):
            names.append(name)
            until(lambda wanted=name: named(site) == [wanted])  # type: ignore[misc]
        names.append(None)
        until(lambda: named(site) == [])


def test_a_pulse_beats_again_after_its_session_was_cut(site: Site) -> None:
    with Pulse("worker", url(site), WorkerVitals().figures):
        until(lambda: named(site))
        with transaction(site.engine) as session:
            session.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
            session.execute(text("DELETE FROM processes"))
        until(lambda: len(named(site)) == 1)


def test_a_killed_process_leaves_its_word_and_its_successor_takes_its_name(
    site: Site, shell: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    first = start_worker(site, tmp_path)
    try:
        until(lambda: named(site) == ["worker-1"])
        first.kill()
        first.wait(10)
        second = start_worker(site, tmp_path)
        try:
            until(lambda: pid_of(site, "worker-1") == second.pid)
            assert named(site) == ["worker-1"]
            assert shell("health", "worker")[0] == 0
        finally:
            second.terminate()
            second.wait(30)
        assert named(site) == []
        assert shell("health", "worker")[0] == 1
    finally:
        first.kill()


def pid_of(site: Site, name: str) -> int | None:
    with Session(site.engine) as session:
        return session.scalar(select(ProcessRow.pid).where(ProcessRow.name == name))


def start_worker(site: Site, folder: Path) -> subprocess.Popen[bytes]:
    settings = {k: v for k, v in os.environ.items() if not k.startswith("ANJU_")}
    code = "from anju_platform.cli import main; main()"
    with (folder / "worker.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-c", code, "worker"],
            env=settings | {"ANJU_DATABASE_URL": url(site)},
            stderr=log,
        )


# -- anju health -----------------------------------------------------------------------------


def test_health_tells_by_its_exit_status(site: Site, shell: Callable[..., tuple[int, str]]) -> None:
    status, said = shell("health", "ingest")
    assert (status, "no ingest" in said) == (1, True)
    beat(site, "ingest-1", silent_s=16)
    status, said = shell("health", "ingest")
    assert (status, "ingest-1: silent" in said) == (1, True)
    beat(site, "ingest-1")
    assert shell("health", "ingest")[0] == 0
    assert shell("health", "worker")[0] == 1


def test_health_of_this_machine_is_not_that_of_another(
    site: Site, shell: Callable[..., tuple[int, str]]
) -> None:
    beat(site, "ingest-1")
    with transaction(site.engine) as session:
        session.execute(text("UPDATE processes SET host = 'elsewhere'"))
    assert shell("health", "ingest")[0] == 1
    assert shell("health", "ingest", "--anywhere")[0] == 0


def test_health_names_an_ingest_that_hears_nothing(
    site: Site, shell: Callable[..., tuple[int, str]]
) -> None:
    beat(site, "ingest-1", Figures(communities=[1, 2], unheard_s=30))
    status, said = shell("health", "ingest")
    assert status == 0
    assert "takes in 2 communities but has heard nothing for 30 s" in said


# -- probes ----------------------------------------------------------------------------------


def test_readiness_names_each_check(site: Site, web: Web) -> None:
    with web.client() as client:
        said = client.get("/readyz").json()
        others = {"ingest": "silent", "worker": "silent", "outbox": "ok"}
        own = {"database": "ok", "schema": "ok", "feed": "ok"}
        assert (said["status"], said["checks"]) == ("ready", own | others)
        beat(site, "ingest-1")
        assert client.get("/readyz").json()["checks"]["ingest"] == "ok"


def test_a_database_at_another_schema_is_not_ready(site: Site, web: Web) -> None:
    with transaction(site.engine) as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    with web.client() as client:
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert re.search(r"it is at 0001, this release wants \d{4}", answer.json()["detail"])
        assert client.get("/healthz").status_code == 200


def test_probes_tell_no_secret(serve_site: Callable[..., Web]) -> None:
    web = serve_site("postgresql://anju:hush-hush@127.0.0.1:1/none")
    with web.client() as client:
        for path in ("/healthz", "/readyz"):
            assert "hush" not in client.get(path).text


# -- metrics ---------------------------------------------------------------------------------


@pytest.fixture
def scraped(web: Web) -> Iterator[Callable[[], dict[tuple[str, ...], float]]]:
    """Scrapes the web process as Prometheus does; samples by name and values of their labels."""
    with web.client() as client:

        def scrape() -> dict[tuple[str, ...], float]:
            families = text_string_to_metric_families(client.get("/metrics").text)
            return {
                (one.name, *(one.labels[key] for key in sorted(one.labels))): one.value
                for family in families
                for one in family.samples
            }

        yield scrape


def test_metrics_of_all_processes_are_told_by_any_web_process(
    site: Site, scraped: Callable[[], dict[tuple[str, ...], float]]
) -> None:
    first, second, worker = IngestVitals(), IngestVitals(), WorkerVitals()
    for vitals, points in ((first, 5), (second, 7)):
        vitals.stored(_tally(), points=points, messages=1)
    worker.delivered("in_app", "accepted")
    beat(site, "ingest-1", first.figures())
    beat(site, "ingest-2", second.figures())
    beat(site, "worker-1", worker.figures())
    found = scraped()
    assert found["anju_ingest_points_total", "ingest-1"] == 5
    assert found["anju_ingest_points_total", "ingest-2"] == 7
    assert found["anju_deliveries_total", "in_app", "accepted", "worker-1"] == 1
    assert found["anju_ingest_commit_seconds_bucket", "+Inf", "ingest-1"] == 1
    assert found["anju_process_resident_memory_bytes", "worker-1"] > 1_000_000
    assert ("anju_process_silent_seconds", "ingest", "ingest-2") in found


def _tally() -> Tally:

    return Tally(seconds=0.002)


def test_what_a_silent_process_said_last_is_no_figure_any_more(
    site: Site, scraped: Callable[[], dict[tuple[str, ...], float]]
) -> None:
    beat(site, "ingest-1", IngestVitals().figures(), silent_s=61)
    found = scraped()
    assert found["anju_process_silent_seconds", "ingest", "ingest-1"] >= 61
    assert not any(name[0].startswith("anju_ingest_points") for name in found)


def test_figures_of_another_release_spoil_no_page(
    site: Site, scraped: Callable[[], dict[tuple[str, ...], float]], log_in: LogIn
) -> None:
    beat(site, "ingest-1")
    with transaction(site.engine) as session:
        session.execute(text("UPDATE processes SET figures = '{\"families\": 3}'"))
    assert ("anju_process_silent_seconds", "ingest", "ingest-1") in scraped()
    (process,) = log_in("property").get("/api/v1/system").json()["processes"]
    assert process["state"] == "standby"


@pytest.mark.parametrize(
    ("state", "name", "figures"),
    [
        ("ok", "ingest-1", Figures(communities=[1], unheard_s=0.2)),
        ("deaf", "ingest-1", Figures(communities=[1], unheard_s=40)),
        ("deaf", "ingest-1", Figures(communities=[1])),
        ("standby", "ingest-1", Figures()),
        ("silent", "ingest-1", Figures(communities=[1], unheard_s=0)),
        ("still", "worker-1", Figures(still_s=20)),
        ("ok", "web-1", Figures()),
    ],
)
def test_the_system_page_says_how_a_process_is(
    site: Site, log_in: LogIn, state: str, name: str, figures: Figures
) -> None:
    beat(site, name, figures, silent_s=20 if state == "silent" else 0)
    (process,) = log_in("property").get("/api/v1/system").json()["processes"]
    assert (process["name"], process["state"]) == (name, state)


def test_the_system_page_tells_what_an_ingest_has_to_do(site: Site, log_in: LogIn) -> None:
    recent = Recent(812.4, 0.004, 0.0123, {"events": 0.08, "telemetry": 1.5})
    queues = {"urgent": Queue(2, 0.25), "telemetry": Queue(40, 3.5)}
    beat(site, "ingest-1", Figures(communities=[1], unheard_s=0, queues=queues, recent=recent))
    (process,) = log_in("property").get("/api/v1/system").json()["processes"]
    assert (process["waiting"], process["waiting_s"]) == (42, 3.5)
    assert (process["points_per_s"], process["commit_p95_s"]) == (812.4, 0.0123)
    assert (process["events_delay_s"], process["telemetry_delay_s"]) == (0.08, 1.5)
