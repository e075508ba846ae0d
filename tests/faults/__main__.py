"""``python -m tests.faults``: break a site in every way and account for each reading and alarm.

``--runs 5`` of each fault, or of those ``--only`` names; ``--brief`` is the short version;
``--jobs 2`` breaks two sites side by side; ``--report FILE`` writes the table between the
file's markers.
"""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path

from .faults import FAULTS
from .matrix import Plan, run_shares
from .report import is_clean, table, write


def main() -> int:
    """Run, print, report; gives 1 when anything was lost, doubled or wrong."""
    options = _options()
    names = options.only or [f.name for f in FAULTS.values() if f.brief or not options.brief]
    print(f"seed {options.seed}: {len(names)} faults, {options.runs} runs each", flush=True)
    plan = Plan(options.runs, options.seed, brief=options.brief, minutes=options.minutes)
    rows = run_shares(names, plan, jobs=options.jobs)
    found = table(rows, seed=options.seed, jobs=options.jobs)
    print(found)
    if options.report:
        write(options.report, found)
    return 0 if is_clean(rows) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="of each fault (5)")
    parser.add_argument("--only", action="append", choices=tuple(FAULTS), help="repeatable")
    parser.add_argument("--brief", action="store_true", help="the short version's faults")
    parser.add_argument("--jobs", type=int, default=1, help="sites side by side (1)")
    parser.add_argument("--minutes", type=float, default=600.0, help="start no run after these")
    parser.add_argument("--seed", type=int, default=random.randrange(1000, 10_000))
    parser.add_argument("--report", type=Path, help="the document to write the table into")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
