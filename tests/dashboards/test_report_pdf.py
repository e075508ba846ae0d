"""The report as a file: real pages, Chinese, nothing fetched, and no alarm waits for it."""

from __future__ import annotations

import re
import socket
import threading
import time
import zlib
from pathlib import Path

import httpx
import pytest
from guarded_site import Site
from screens import log_in

from anju_dashboards.reports import printing
from anju_dashboards.reports.printing import NotPrintedError, pdf


def opened(file: bytes) -> bytes:
    """Give all that is in a PDF, unpacked."""
    found = [file]
    for packed in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", file, re.DOTALL):
        try:
            found.append(zlib.decompress(packed))
        except zlib.error:
            continue
    return b"\n".join(found)


def letters(file: bytes) -> set[str]:
    """Give the letters a PDF says it shows, by the tables that let a reader copy them."""
    tables = re.findall(rb"begincmap.*?endcmap", opened(file), re.DOTALL)
    shown = b"".join(tables)
    words = re.findall(rb"<[0-9a-f]+>\s*<([0-9a-f]{4,})>", shown, re.IGNORECASE)
    return {bytes.fromhex(word.decode()).decode("utf-16-be") for word in words}


def pages(file: bytes) -> int:
    return len(re.findall(rb"/Type /Page\b", opened(file)))


def test_the_report_as_a_file(client: httpx.Client, site: Site) -> None:
    for number in range(8):
        rule = {"rule": f"rule-{number}", "cause": ("true", "false")[number % 2]}
        site.raise_alert("门未关", "Door open", severity=number % 4 + 1, **rule)  # type: ignore[arg-type]
    log_in(client, "admin")
    answer = client.get("/reports.pdf", timeout=60)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/pdf"
    assert re.search(
        r'filename="report-day-\d{8}-0000\.pdf"', answer.headers["content-disposition"]
    )
    assert answer.content.startswith(b"%PDF-")
    assert pages(answer.content) >= 2
    shown = letters(answer.content)
    assert set("阳光花园报表告警响应门未关网关可用率设备陈涛打印") - shown == set()
    assert b"Noto-Sans-CJK" in opened(answer.content)
    wrong = client.get("/reports.pdf", params={"at": "0001-01-01T00:00"})
    assert wrong.status_code == 422


def test_a_report_fetches_nothing(tmp_path: Path) -> None:
    style = tmp_path / "own.css"
    style.write_text("p { break-before: page }", "utf-8")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)  # noqa: FBT003 - its only argument
        url = f"http://127.0.0.1:{server.getsockname()[1]}/x"
        asked = f'<link rel=stylesheet href="{url}.css"><img src="{url}.png">'
        asked += f'<link rel=stylesheet href="{style.as_uri()}"><img src="data:image/png;base64,">'
        assert pages(pdf(f"{asked}<p>this</p><p>alone</p>")) == 1
        with pytest.raises(BlockingIOError):
            server.accept()


def test_one_at_a_time_and_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(printing, "PATIENCE_S", 0.2)
    long = "<table>" + "<tr><td>长</td></tr>" * 60_000 + "</table>"
    ended: list[float] = []

    def print_it() -> None:
        with pytest.raises(NotPrintedError, match="shorter period"):
            pdf(long, longest_s=3)
        ended.append(time.monotonic())

    first = threading.Thread(target=print_it)
    first.start()
    while printing._PRESS._value:  # type: ignore[attr-defined]
        time.sleep(0.01)
    with pytest.raises(NotPrintedError, match="another report"):
        pdf("<p>second</p>")
    first.join(60)
    assert ended
    assert pages(pdf("<p>third</p>")) == 1  # the press is free again


def test_who_cannot_have_it_now_gets_the_page_that_says_so(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(printing.pdf, "__kwdefaults__", {"longest_s": 0.01})
    log_in(client, "admin")
    answer = client.get("/reports.pdf")
    assert answer.status_code == 503
    assert "PDF 未能及时生成" in answer.text
