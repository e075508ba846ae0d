"""docker-compose.yml is right as far as reading it can tell: no engine runs in the tests."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import pytest
import yaml
from servers import REPOSITORY
from typer.testing import CliRunner

from anju_platform.cli import app
from anju_platform.config import PREFIX, Settings

SERVICES = {"timescaledb", "mosquitto", "migrate", "ingest", "worker", "web", "edge"}


@pytest.fixture(scope="module")
def text() -> str:
    return (REPOSITORY / "docker-compose.yml").read_text("utf-8")


@pytest.fixture(scope="module")
def compose(text: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(text)
    return document


def test_every_service_is_there(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == SERVICES


def test_every_anju_variable_is_a_setting(compose: dict[str, Any]) -> None:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    for name in ("migrate", "ingest", "worker", "web"):
        assert set(compose["services"][name]["environment"]) <= known


def test_no_secret_has_a_default(text: str) -> None:
    variables = re.findall(r"\$\{(\w*(?:PASSWORD|SECRET|TOKEN)\w*)([^}]*)\}", text)
    assert variables
    assert all(rest.startswith(":?") for _, rest in variables)


def test_the_example_environment_names_every_needed_variable(text: str) -> None:
    needed = set(re.findall(r"\$\{(\w+):\?", text))
    example = (REPOSITORY / "docs" / "compose.env.example").read_text("utf-8")
    given = set(re.findall(r"^(\w+)=$", example, re.MULTILINE))
    assert needed == given


def test_any_other_setting_comes_from_a_file_that_may_be_missing(compose: dict[str, Any]) -> None:
    for name in ("migrate", "ingest", "worker", "web"):
        assert compose["services"][name]["env_file"] == [{"path": "anju.env", "required": False}]
    table = (REPOSITORY / "docs" / "operating.md").read_text("utf-8")
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    example = (REPOSITORY / "docs" / "compose.env.example").read_text("utf-8")
    offered = set(re.findall(r"^# (ANJU_\w+)=", example, re.MULTILINE))
    assert offered <= known
    given = set(compose["services"]["web"]["environment"])
    told = {name for name in known if f"`{name}`" in table}
    assert told - given - offered == {"ANJU_INGEST_PROCESSES"}  # ``--scale`` says that here


def test_nothing_but_the_broker_listens_beyond_this_machine(compose: dict[str, Any]) -> None:
    ports = {n: s["ports"] for n, s in compose["services"].items() if "ports" in s}
    assert ports == {"mosquitto": ["8883:8883"], "web": ["127.0.0.1:8000:8000"]}


def test_every_process_waits_for_the_migration(compose: dict[str, Any]) -> None:
    for name in ("ingest", "worker", "web"):
        waits = compose["services"][name]["depends_on"]
        assert waits["migrate"]["condition"] == "service_completed_successfully"


def test_commands_are_programs_of_the_parts(compose: dict[str, Any]) -> None:
    scripts = set()
    for part in ("devices", "edge", "platform"):
        text = (REPOSITORY / part / "pyproject.toml").read_text("utf-8")
        scripts |= set(re.findall(r"^(anju[\w-]*) = ", text, re.MULTILINE))
    for name in ("migrate", "ingest", "worker", "web", "edge"):
        assert compose["services"][name]["command"][0] in scripts


@pytest.mark.parametrize("name", ["ingest", "worker"])
def test_a_process_without_a_port_is_asked_for_its_sign_of_life(
    compose: dict[str, Any], name: str
) -> None:
    check = compose["services"][name]["healthcheck"]
    assert check["test"] == ["CMD", "anju", "health", name]
    assert CliRunner().invoke(app, [*check["test"][2:], "--help"]).exit_code == 0


def test_the_web_process_is_asked_whether_it_is_ready(compose: dict[str, Any]) -> None:
    """By a program that ends with 1 for 503, and is in the image."""
    kind, python, option, code = compose["services"]["web"]["healthcheck"]["test"]
    assert (kind, python, option) == ("CMD", "python", "-c")
    port = compose["services"]["web"]["environment"]["ANJU_WEB_PORT"]
    assert f"http://127.0.0.1:{port}/readyz" in code
    done = subprocess.run(  # nobody listens on port 1
        [sys.executable, "-c", code.replace(f":{port}/", ":1/")], capture_output=True, check=False
    )
    assert done.returncode == 1


def test_no_check_is_told_before_a_process_had_time_to_start(compose: dict[str, Any]) -> None:
    for name in ("ingest", "worker", "web"):
        assert compose["services"][name]["healthcheck"]["start_period"] == "30s"
