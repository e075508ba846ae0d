from __future__ import annotations

from pathlib import Path

import pytest

from anju_edge.config import load, read_secret
from anju_edge.errors import ConfigError

GOOD = """
community: yangguang
gateway: gw-west
data_dir: ./edge-west
broker: {host: 127.0.0.1, port: 1883, username: yangguang.gw-west, password_file: secret}
native: {token_file: token}
cameras:
  - {device: cam-1, source: film.avi, zones: [{name: road, polygon: [[0, 0], [1, 0], [1, 1]]}]}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "edge.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_paths_are_taken_from_the_files_own_folder(tmp_path: Path) -> None:
    config = load(write(tmp_path, GOOD))
    assert config.data_dir == tmp_path / "edge-west"
    assert config.broker.password_file == tmp_path / "secret"
    assert config.native is not None
    assert config.native.token_file == tmp_path / "token"
    assert config.cameras[0].source == str(tmp_path / "film.avi")
    assert config.spool.quota_bytes == 2147483648


def test_an_address_of_a_camera_is_no_path(tmp_path: Path) -> None:
    address = "rtsp://10.0.0.7/stream2"
    config = load(write(tmp_path, GOOD.replace("film.avi", address)))
    assert config.cameras[0].source == address


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("gateway: gw-west", "gatway: gw-west"), "gatway: unknown key; did you mean 'gateway'?"),
        (("gateway: gw-west", "gatway: gw-west"), "gateway: is required"),
        (("port: 1883", "prot: 1883"), "broker.prot: unknown key; did you mean 'port'?"),
        (("port: 1883", "port: lots"), "broker.port: Input should be a valid integer"),
        (("name: road", "nmae: road"), "cameras.0.zones.0.nmae: unknown key; did you mean 'name'"),
        (("[1, 1]]", "[1, 7]]"), "cameras.0.zones.0.polygon.2.1: Input should be less than"),
        (("[1, 0], [1, 1]]", "[1, 1], [0, 0]]"), "cameras.0.zones.0: the polygon encloses nothin"),
        (
            ("zones: [", "zones: [{name: road, polygon: [[0, 0], [1, 0], [1, 1]]}, "),
            "cam-1: zone 'r",
        ),
        (("yangguang\n", "Sunshine!\n"), "community: String should match pattern"),
        (("data_dir", "timezone: Mars/Base\ndata_dir"), "'Mars/Base' is not a time zone"),
    ],
)
def test_an_error_names_the_file_the_key_and_what_is_expected(
    tmp_path: Path, change: tuple[str, str], expected: str
) -> None:
    path = write(tmp_path, GOOD.replace(*change))
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert f"{path}: " in str(caught.value)
    assert expected in str(caught.value)


PLATFORM = "platform: {url: http://anju.example.org, secret_file: secret}\ncameras"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("host: 127.0.0.1", "host: broker"), "broker: the password would travel to broker in cl"),
        (("port: 1883", "ca_file: ca.pem"), "broker: ca_file is given but tls is false"),
        (("cameras", PLATFORM), "platform: pictures and the secret would travel to anju.example"),
    ],
)
def test_a_secret_never_travels_in_clear_unless_that_is_said(
    tmp_path: Path, change: tuple[str, str], expected: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, GOOD.replace(*change)))
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        ("host: 127.0.0.1", "host: localhost"),
        ("host: 127.0.0.1", "host: '::1'"),
        ("host: 127.0.0.1", "host: broker, tls: true, ca_file: ca.pem"),
        ("host: 127.0.0.1", "host: broker, insecure: true"),
        ("cameras", PLATFORM.replace("http:", "https:")),
        ("cameras", PLATFORM.replace("}", ", insecure: true}")),
        ("cameras", PLATFORM.replace("anju.example.org", "127.0.0.1:8000")),
    ],
)
def test_a_secret_may_travel_where_it_is_safe_or_said_to_be(
    tmp_path: Path, change: tuple[str, str]
) -> None:
    load(write(tmp_path, GOOD.replace(*change)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a: [", "is not YAML"), ("- 1\n", "expected keys such as"), ("", "expected keys such as")],
)
def test_what_is_no_configuration_is_named(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(ConfigError, match=expected):
        load(write(tmp_path, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: cannot be read: No such file"):
        load(tmp_path / "none.yaml")


def test_a_secret_is_read_without_its_line_end_and_never_shown(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("open sesame\n", encoding="utf-8")
    secret = read_secret(path, "broker.password_file")
    assert secret.get_secret_value() == "open sesame"
    assert "sesame" not in repr(secret)
    path.write_text(" \n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"broker\.password_file: .* is empty"):
        read_secret(path, "broker.password_file")
    path.unlink()
    with pytest.raises(ConfigError, match=r"broker\.password_file: .* cannot be read"):
        read_secret(path, "broker.password_file")
