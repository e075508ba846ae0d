"""``anju-sim`` as a person calls it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from anju_devices.sim.__main__ import main


def test_describe_writes_the_community(tmp_path: Path) -> None:
    out = tmp_path / "c.json"
    assert main(["describe", "--seed", "3", "--buildings", "2", "--out", str(out)]) == 0
    document = json.loads(out.read_text("utf-8"))
    assert len(document["households"]) == 72
    again = tmp_path / "again.json"
    main(["describe", "--seed", "3", "--buildings", "2", "--out", str(again)])
    assert again.read_bytes() == out.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--community", "missing.json"], "missing.json"),
        (["--gateway", "gw-moon"], "gw-moon: not in the file"),
        (["--connect", "somewhere"], "HOST:PORT"),
        (["--speed", "0.5"], "--speed 0.5"),
        (["--token-file", "missing"], "--token-file 'missing'"),
        (["--gateway", "gw-west", "--gateway", "gw-east"], "one --connect for each"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    tmp_path: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out, token = tmp_path / "c.json", tmp_path / "token"
    token.write_text("t")
    main(["describe", "--buildings", "1", "--floors", "1", "--out", str(out)])
    given = {
        "--community": [str(out)],
        "--gateway": ["gw-west"],
        "--connect": ["127.0.0.1:1"],
        "--token-file": [str(token)],
    }
    given |= {arguments[0]: arguments[1::2]}
    words = [word for name, values in given.items() for v in values for word in (name, v)]
    assert main(["run", *words]) == 2
    shown = capsys.readouterr().err
    assert said in shown
    assert len(shown.splitlines()) == 1


def test_run_plays_modestly_until_it_is_stopped(tmp_path: Path) -> None:
    out, token = tmp_path / "c.json", tmp_path / "token"
    token.write_text("secret\n")
    main(["describe", "--out", str(out)])
    with socket.create_server(("127.0.0.1", 0)) as server:
        where = f"127.0.0.1:{server.getsockname()[1]}"
        command = [sys.executable, "-m", "anju_devices.sim", "run", "--community", str(out)]
        command += ["--gateway", "gw-west", "--connect", where, "--token-file", str(token)]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            try:
                server.settimeout(60)
                connection, _ = server.accept()
                with connection, connection.makefile("rw", encoding="utf-8") as lines:
                    hello = json.loads(lines.readline())
                    assert hello["token"] == "secret"
                    assert len(hello["devices"]) > 500
                    lines.write('{"ok": true}\n')
                    lines.flush()
                    first = json.loads(lines.readline())
                    assert first["device"] in hello["devices"]
                    assert abs(first["at"] - time.time() * 1000) < 30_000
                    status = Path(f"/proc/{process.pid}/status")
                    if status.exists():
                        [peak] = [x for x in status.read_text().splitlines() if "VmHWM" in x]
                        assert int(peak.split()[1]) < 120 * 1024
                    os.kill(process.pid, signal.SIGINT)
                    assert process.wait(60) == 0
            finally:
                process.kill()
