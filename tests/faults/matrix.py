"""Runs faults against a site and accounts for what was said meanwhile."""

from __future__ import annotations

import functools
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

import psycopg

from .faults import FAULTS, Fault
from .ledger import Account, balance, progress
from .scene import Scene, logs_of
from .stack import Stack, wait_until

LEAD_S = (0.8, 1.6)
"""How long devices speak before the fault."""
RECOVERY_S = 120.0
TOLD_S = 60.0
"""More than this and the run has failed: what is not stored by then counts as lost."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one fault.

    ``recovery_s``: from the end of the fault until everything said before and an alarm said
    then were committed. ``told_s``: the same until every alarm's messages were delivered and
    the screens' process answered. ``restarts``: how many programs had ended by themselves.
    """

    fault: str
    seed: int
    account: Account
    recovery_s: float
    told_s: float
    restarts: int

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong at all."""
        return not self.account.wrong


@dataclass(slots=True)
class Row:
    """All runs of one fault; ``skipped`` says why there are none."""

    fault: Fault
    runs: list[Run] = field(default_factory=list)
    skipped: str = ""

    def total(self, what: str) -> int:
        """Sum one figure of the accounts."""
        return sum(int(getattr(run.account, what)) for run in self.runs)

    def seconds(self, what: str) -> tuple[float, float]:
        """Give the median and the worst of a duration."""
        found = [float(getattr(run, what)) for run in self.runs]
        return statistics.median(found), max(found)


@contextmanager
def standing(seed: int, *, ingests: int) -> Iterator[Stack]:
    """Give a site that stands as long as the block."""
    # not below a deep folder: PostgreSQL's socket must have a short name
    with tempfile.TemporaryDirectory(prefix="anju-faults-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        stack = Stack(folder, rng=random.Random(seed), ingests=ingests)
        try:
            yield stack
        finally:
            stack.stop()


@dataclass(frozen=True, slots=True)
class Plan:
    """How often each fault is run and with what chance; ``brief`` is the short version.

    No round begins once ``minutes`` have passed: each fault has then run the same number of
    times, give or take one.
    """

    runs: int
    seed: int
    brief: bool = False
    minutes: float = 600.0


def run_matrix(names: Sequence[str], plan: Plan) -> list[Row]:
    """Run each fault, round by round; the faults that need as many ingests share a site."""
    rows = [Row(FAULTS[name]) for name in names]
    for ingests in sorted({row.fault.ingests for row in rows}, reverse=True):
        some = [row for row in rows if row.fault.ingests == ingests]
        with standing(plan.seed, ingests=ingests) as stack:
            ends = time.monotonic() + 60 * plan.minutes
            for number in range(plan.runs):
                for row in some:
                    if time.monotonic() < ends and not row.skipped:
                        _run_into(row, stack, seed=plan.seed * 1000 + number, brief=plan.brief)
    return rows


def run_shares(names: Sequence[str], plan: Plan, *, jobs: int) -> list[Row]:
    """Run the matrix on several sites side by side, each in a process of its own."""
    shares = [names[n::jobs] for n in range(jobs)]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        work = functools.partial(_share, plan=plan)
        done = [one for share in pool.map(work, shares) for one in share]
    done.sort(key=lambda one: names.index(one[0]))
    return [Row(FAULTS[name], ran, skipped) for name, ran, skipped in done]


def _share(names: Sequence[str], plan: Plan) -> list[tuple[str, list[Run], str]]:
    """Run some of the faults; gives what can be carried from one process to another."""
    return [(row.fault.name, row.runs, row.skipped) for row in run_matrix(names, plan)]


def _run_into(row: Row, stack: Stack, *, seed: int, brief: bool) -> None:
    """Run a fault once and keep what came of it; a run that fails is a run with a fault."""
    try:
        run = run_once(stack, row.fault, seed=seed, brief=brief)
    except Exception as error:  # noqa: BLE001 - the other faults are run all the same
        account = Account(wrong=[f"the run failed: {error!r}"])
        run = Run(row.fault.name, seed, account, recovery_s=0.0, told_s=0.0, restarts=0)
    if isinstance(run, str):
        row.skipped = run
        print(f"{row.fault.name:<26} skipped: {run}", flush=True)
        return
    row.runs.append(run)
    verdict = "ok" if run.is_good else "; ".join(run.account.wrong)
    print(
        f"{row.fault.name:<26} {run.seed} {run.account.readings:>6} readings"
        f" {run.account.alarms:>3} alarms {run.recovery_s:6.2f} s {run.told_s:6.2f} s"
        f"  {run.restarts or ''} {verdict}",
        flush=True,
    )
    if not run.is_good:
        print(logs_of(stack.folder), flush=True)


def run_once(stack: Stack, fault: Fault, *, seed: int, brief: bool) -> Run | str:
    """Run a fault once; gives why it cannot be done here, if it cannot."""
    rng = random.Random(f"{fault.name} {seed}")
    restarts = stack.restarts
    scene = Scene.build(
        stack,
        f"{fault.name}-{seed}",
        rng=rng,
        brief=brief,
        disk_mb=fault.disk_mb,
        box_shift_s=fault.box_shift_s,
    )
    try:
        if reason := fault.skip(scene):
            return reason
        scene.pause(*LEAD_S)
        fault.act(scene)
        recovery_s, told_s = _recover(scene)
        fault.afterwards(scene)
        account = balance(scene, orderly=fault.orderly, quarantine=fault.quarantine)
    finally:
        stack.mend()
        scene.stop()
    return Run(fault.name, seed, account, recovery_s, told_s, stack.restarts - restarts)


def _recover(scene: Scene) -> tuple[float, float]:
    """Say one more alarm, nothing else, and wait until all of it has arrived."""
    ended = time.monotonic()
    for gateway in scene.gateways:
        gateway.injector.alarm()
        gateway.injector.hush()
    recovery_s = _until(lambda: _is_stored(scene), scene, ended, RECOVERY_S)
    told_s = _until(lambda: _is_told(scene), scene, ended, recovery_s + TOLD_S)
    return recovery_s, told_s


def _until(said: Callable[[], bool], scene: Scene, since: float, most_s: float) -> float:
    """Wait until something is so, tending the site; gives how long that took."""

    def look() -> bool:
        scene.tend()
        try:
            return said()
        except psycopg.OperationalError:
            return False  # the database is not up yet

    try:
        wait_until(look, "recovery", most_s)
    except TimeoutError:
        scene.notes.append(f"not recovered after {most_s:g} s")  # the account tells of what
    return time.monotonic() - since


def _is_stored(scene: Scene) -> bool:
    if any(gateway.injector.unkept() for gateway in scene.gateways):
        return False
    said = [one for gateway in scene.gateways for one in gateway.everything()]
    readings = sum(one.number is not None for one in said)
    reached = progress(scene.stack, scene.slugs)
    alarms = len(said) - readings
    return reached.points + reached.given_up >= readings and reached.alerts >= alarms


def _is_told(scene: Scene) -> bool:
    return progress(scene.stack, scene.slugs).undelivered == 0 and scene.stack.answers()
