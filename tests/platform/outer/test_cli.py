"""The ``anju`` command, as a person or a script runs it."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pyotp
import pytest
from outer_site import PASSWORD, Site, community_file
from servers import REPOSITORY
from sqlalchemy import select
from sqlalchemy.orm import Session

from anju_platform.auth import second_factor
from anju_platform.auth.model import SecondFactor, User
from anju_platform.database import connect, now, transaction
from anju_platform.demo.mosquitto import free_port
from anju_platform.lanes.model import Quarantined
from anju_platform.registry.model import Gateway

ANJU = [sys.executable, "-m", "anju_platform.cli"]


def environment(**settings: object) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("ANJU_")}
    return kept | {f"ANJU_{k.upper()}": str(v) for k, v in settings.items()}


def anju(
    *words: object, database: str | None = None, typed: str = ""
) -> subprocess.CompletedProcess[str]:
    settings = {"database_url": database} if database else {}
    return subprocess.run(
        [*ANJU, *map(str, words)],
        env=environment(**settings),
        input=typed,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def garden(tmp_path: Path) -> Path:
    file = tmp_path / "community.json"
    file.write_text(json.dumps(community_file()), encoding="utf-8")
    return file


def test_the_first_administrator_gets_in_from_nothing(
    database: str, garden: Path, tmp_path: Path
) -> None:
    assert anju("migrate", database=database).returncode == 0
    secrets = tmp_path / "secrets.json"
    imported = anju("community", "import", garden, "--secrets-out", secrets, database=database)
    assert imported.returncode == 0, imported.stderr
    assert set(json.loads(secrets.read_text())) == {"gw-west", "gw-away"}
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    user = ("user", "add", "root", "--role", "admin", "--password-stdin")
    added = anju(*user, database=database, typed=PASSWORD)
    assert added.returncode == 0, added.stderr
    assert PASSWORD not in added.stdout + added.stderr


def test_importing_again_keeps_secrets_and_adds_new_ones(
    database: str, garden: Path, tmp_path: Path
) -> None:
    secrets = tmp_path / "secrets.json"
    words = ("community", "import", garden, "--secrets-out", secrets)
    anju(*words, database=database)
    first = json.loads(secrets.read_text())
    document = community_file()
    document["gateways"].append({"slug": "gw-new", "name": "新", "name_en": "New"})
    garden.write_text(json.dumps(document), encoding="utf-8")
    assert anju(*words, database=database).returncode == 0
    second = json.loads(secrets.read_text())
    assert first.items() < second.items()
    assert set(second) - set(first) == {"gw-new"}
    engine = connect(database)
    with Session(engine) as session:
        assert len(session.scalars(select(Gateway)).all()) == 3
    engine.dispose()


def test_users_are_added_updated_and_shut_out(site: Site) -> None:
    add = ("user", "add", "duty", "--role", "guard", "--community", "garden", "--password-stdin")
    assert anju(*add, database=site.url, typed="long enough one").returncode == 0
    again = anju(*add, database=site.url, typed="long enough one")
    assert (again.returncode, "already" in again.stderr) == (1, True)
    assert anju(*add, "--update", database=site.url, typed="another long one").returncode == 0
    weak = anju("user", "password", "duty", "--password-stdin", database=site.url, typed="short")
    assert (weak.returncode, "characters" in weak.stderr) == (1, True)
    assert anju("user", "disable", "duty", database=site.url).returncode == 0
    with Session(site.engine) as session:
        user = session.scalars(select(User).where(User.username == "duty")).one()
    assert user.disabled
    assert anju("user", "enable", "duty", database=site.url).returncode == 0
    actions = ("user.added", "user.password", "user.disabled", "user.enabled")
    assert [len(site.audited(action)) for action in actions] == [1, 1, 1, 1]


def test_a_lost_second_factor_is_forgotten_on_the_command_line(site: Site) -> None:
    with transaction(site.engine) as session:
        user = session.scalars(select(User).where(User.username == "admin")).one()
        secret = second_factor.begin(session, user, "a log-in").secret
        code = pyotp.TOTP(secret).now()
        second_factor.confirm(session, site.actor(), user, code, begun_by="a log-in")
    done = anju("user", "reset-second-factor", "admin", database=site.url)
    assert (done.returncode, done.stdout) == (0, "admin logs in with the password alone again\n")
    with Session(site.engine) as session:
        assert session.scalars(select(SecondFactor)).all() == []
    [entry] = site.audited("second_factor.reset")
    assert (entry.actor, entry.subject) == ("console", "user:admin")
    assert anju("user", "reset-second-factor", "admin", database=site.url).returncode == 1


def test_families_and_grid_workers_are_there_for_something(site: Site) -> None:
    def add(*words: str) -> tuple[int, str]:
        whole = ("user", "add", *words, "--community", "garden", "--password-stdin")
        done = anju(*whole, database=site.url, typed="long enough one")
        return done.returncode, done.stderr

    assert add("min", "--role", "family", "--home", "h-501", "--relation", "女儿")[0] == 0
    assert add("hao", "--role", "grid", "--place", "b1", "--place", "gate")[0] == 0
    for words, says in (
        (("--role", "family"), "name its home"),
        (("--role", "family", "--home", "h-9"), "'h-9'"),
        (("--role", "grid"), "name the place"),
        (("--role", "grid", "--place", "moon"), "'moon'"),
        (("--role", "guard", "--home", "h-501"), "nobody else does"),
    ):
        status, said = add("nobody", *words)
        assert (status, says in said) == (1, True)
    assert len(site.actor(username="min").homes) == 1
    assert len(site.actor(username="hao").places) == 2


def test_a_password_is_never_an_argument(site: Site) -> None:
    words = ("user", "add", "duty", "--role", "guard", "--community", "garden")
    refused = anju(*words, database=site.url, typed="long enough one")
    assert (refused.returncode, "--password-stdin" in refused.stderr) == (1, True)


def test_devices_are_listed_retired_and_restored(site: Site) -> None:
    listed = anju("device", "list", "--community", "garden", database=site.url).stdout
    assert len(listed.splitlines()) == 6
    assert anju("device", "retire", "b1-door", "--community", "garden", database=site.url).stdout
    only = ("device", "list", "--community", "garden", "--status", "retired")
    assert "b1-door" in anju(*only, database=site.url).stdout
    restored = anju("device", "restore", "b1-door", "--community", "garden", database=site.url)
    assert restored.returncode == 0
    assert anju(*only, database=site.url).stdout == ""


def test_an_unknown_device_is_released_from_quarantine_by_approving_it(site: Site) -> None:
    with transaction(site.engine) as session:
        gateway = session.scalars(select(Gateway).where(Gateway.slug == "gw-west")).one()
        session.add(
            Quarantined(
                community_id=site.community_id,
                gateway_id=gateway.id,
                received_at=now(),
                topic="t",
                reason="unknown-device",
                detail="no device 'new-pir' here",
                device="new-pir",
                payload=b"{}",
            )
        )
    listed = anju("quarantine", "list", "--community", "garden", database=site.url).stdout
    assert "new-pir" in listed
    words = ("quarantine", "release", "new-pir", "--community", "garden", "--place", "b1")
    wrong = anju(*words, "--model", "nothing", database=site.url)
    assert (wrong.returncode, "no model" in wrong.stderr) == (1, True)
    released = anju(*words, "--model", "pir", database=site.url)
    assert released.returncode == 0, released.stderr
    assert site.device("new-pir").gateway_id == gateway.id
    assert anju(*words, "--model", "pir", database=site.url).returncode == 1


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "ANJU_DATABASE_URL"),
        ({"database_url": "mysql://x/y"}, "postgresql://"),
        ({"database_url": "postgresql://x/y", "web_prot": 1}, "ANJU_WEB_PORT"),
    ],
    ids=["missing", "not postgres", "misspelt"],
)
def test_wrong_settings_end_with_a_sentence_and_status_2(
    settings: dict[str, object], said: str
) -> None:
    done = subprocess.run(
        [*ANJU, "migrate"],
        env=environment(**settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_database_ends_with_a_sentence() -> None:
    done = anju("user", "disable", "x", database=f"postgresql://u@127.0.0.1:{free_port()}/x")
    assert (done.returncode, "does not answer" in done.stderr) == (1, True)
    assert "Traceback" not in done.stderr


def test_an_unknown_community_is_told(site: Site) -> None:
    done = anju("device", "list", "--community", "none", database=site.url)
    assert (done.returncode, "no community 'none'" in done.stderr) == (1, True)


def test_the_described_api_is_fresh(tmp_path: Path) -> None:
    kept = REPOSITORY / "docs" / "openapi.json"
    fresh = anju("schema", "--check", "--out", kept)
    assert fresh.returncode == 0, fresh.stderr
    paths = json.loads(kept.read_text(encoding="utf-8"))["paths"]
    assert "/api/v1/alerts/{alert_id}/ack" in paths
    stale = tmp_path / "openapi.json"
    stale.write_text("{}")
    done = anju("schema", "--check", "--out", stale)
    assert (done.returncode, "out of date" in done.stderr) == (1, True)
    anju("schema", "--out", stale)
    assert stale.read_text(encoding="utf-8") == kept.read_text(encoding="utf-8")


def wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 40
    while True:
        assert process.poll() is None
        assert time.monotonic() < deadline
        try:
            if httpx.get(f"{url}/readyz", timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)


def test_the_web_process_serves_and_ends_within_seconds_despite_live_streams(site: Site) -> None:
    port = free_port()
    settings = environment(database_url=site.url, web_port=port, secure_cookies=False)
    process = subprocess.Popen([*ANJU, "web"], env=settings, stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until_ready(url, process)
        with httpx.Client(base_url=url, timeout=20) as client:
            said = {"username": "guard", "password": PASSWORD}
            assert client.post("/api/v1/session", json=said).status_code == 204
            with client.stream("GET", "/api/v1/stream") as answer:
                lines = answer.iter_lines()
                next(lines)
                process.send_signal(signal.SIGTERM)
                begun = time.monotonic()
                list(lines)
        assert process.wait(10) in {0, -signal.SIGTERM}
        assert time.monotonic() - begun < 5
    finally:
        process.kill()
        process.wait()


def test_a_taken_port_is_told(site: Site) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        settings = environment(database_url=site.url, web_port=taken.getsockname()[1])
        done = subprocess.run(
            [*ANJU, "web"], env=settings, capture_output=True, text=True, check=False, timeout=60
        )
    assert (done.returncode, "is the port taken" in done.stderr) == (2, True), done.stderr
