"""A page as a PDF: drawn by a process of its own, so that no alarm waits for a report.

``python -m anju_dashboards.reports.printing`` reads HTML and writes PDF. It fetches nothing:
whatever a page names is refused, the style sheet comes with it.
"""

import os
import resource
import subprocess
import sys
import threading
from http import HTTPStatus
from pathlib import Path

from anju_platform.errors import PlatformError

PATIENCE_S = 5.0
"""Who finds another report being printed waits so long."""
LONGEST_S = 30.0
"""A report takes a second or two; a month of a large site five."""
MOST_MEMORY = 1 << 30
_NICE = 10
_PRESS = threading.BoundedSemaphore(1)
_STYLE = Path(__file__).parents[1] / "static" / "css" / "report-print.css"


class NotPrintedError(PlatformError):
    """There is no PDF: another one is being printed, or it took too long."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    title = "It cannot be printed just now"


def pdf(html: str, *, longest_s: float = LONGEST_S) -> bytes:
    """Print a page; one at a time in this process, each bounded in time and memory.

    Raises:
        NotPrintedError: another one is being printed, or it was not done in time.
    """
    if not _PRESS.acquire(timeout=PATIENCE_S):
        raise NotPrintedError("another report is being printed; try again in a minute")
    try:
        done = subprocess.run(  # noqa: S603 - this very module
            [sys.executable, "-m", __name__],
            input=html.encode(),
            capture_output=True,
            timeout=longest_s,
            check=True,
        )
    except subprocess.TimeoutExpired as error:
        raise NotPrintedError(
            f"the report was not printed within {longest_s:.0f} s; take a shorter period, or CSV"
        ) from error
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip().splitlines()
        raise NotPrintedError(f"the report was not printed: {said[-1] if said else '?'}") from error
    finally:
        _PRESS.release()
    return done.stdout


def _print() -> None:
    """Print what comes in, as little in the way of others as can be."""
    from weasyprint import CSS, HTML, URLFetcher

    os.nice(_NICE)
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, MOST_MEMORY))
    nothing = URLFetcher(allowed_protocols=())
    page = HTML(string=sys.stdin.buffer.read().decode(), url_fetcher=nothing)
    sheets = [CSS(string=_STYLE.read_text("utf-8"), url_fetcher=nothing)]
    sys.stdout.buffer.write(page.write_pdf(stylesheets=sheets))


if __name__ == "__main__":
    _print()
