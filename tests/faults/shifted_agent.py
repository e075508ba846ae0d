"""``anju-edge`` on a box whose clock is wrong: ``python shifted_agent.py SECONDS --config FILE``.

The process's wall clock is shifted; what measures durations is not, as on a real box whose
clock was never set.
"""

from __future__ import annotations

import sys
import time


def shift(seconds: int) -> None:
    """Let this process take another time for the true one."""
    true_ns = time.time_ns
    time.time_ns = lambda: true_ns() + seconds * 1_000_000_000
    time.time = lambda: time.time_ns() / 1e9


if __name__ == "__main__":
    shift(int(sys.argv[1]))
    from anju_edge.__main__ import main

    sys.exit(main(sys.argv[2:]))
