"""Runs a rule's own tests in virtual time, in a process that may be stopped.

A test may ask for years of virtual time, or a million readings; the process that serves the
screens must not stand still for it. Run as a module it is that other process: the rule's
text comes in, the trials go out as JSON.
"""

import logging
import resource
import subprocess
import sys
import threading

import msgspec

from anju_platform.errors import TooManyAttemptsError
from anju_rules import run_trials
from anju_rules.loading import read_rules

log = logging.getLogger(__name__)

LONGEST_S = 10.0
"""The tests of one rule may take so long; those of the library take a fraction of a second."""

_BUSY = "other rules are being tested; try again in a minute"
_WAIT_S = 20.0
_MEMORY = 1 << 30
_SHOWN = 1_000
_AT_ONCE = threading.BoundedSemaphore(2)
_INSIDE = threading.BoundedSemaphore(6)
"""So many may be at it or wait: the threads they keep are those that serve the screens."""


class TrialResult(msgspec.Struct, frozen=True):
    """One test of a rule; ``problem`` is empty when it passed."""

    name: str
    problem: str


def prove(text: str) -> list[TrialResult]:
    """Run the tests of a readable rule; one that takes too long has failed.

    Raises:
        TooManyAttemptsError: others are at it; try again.
    """
    if not _INSIDE.acquire(blocking=False):
        raise TooManyAttemptsError(_BUSY)
    try:
        return _prove_in_turn(text)
    finally:
        _INSIDE.release()


def _prove_in_turn(text: str) -> list[TrialResult]:
    if not _AT_ONCE.acquire(timeout=_WAIT_S):
        raise TooManyAttemptsError(_BUSY)
    try:
        done = subprocess.run(  # noqa: S603 - this very module
            [sys.executable, "-P", "-m", __name__],
            input=text.encode(),
            capture_output=True,
            timeout=LONGEST_S,
            check=True,
        )
        return msgspec.json.decode(done.stdout, type=list[TrialResult])
    except subprocess.TimeoutExpired:
        return [TrialResult("*", f"the tests take longer than {LONGEST_S:g} s")]
    except subprocess.CalledProcessError as error:
        log.warning(
            "the tests of a rule broke off: %s", error.stderr[-_SHOWN:].decode("utf-8", "replace")
        )
        return [TrialResult("*", "the tests need more than a test may: less time, fewer readings")]
    finally:
        _AT_ONCE.release()


def run(text: str) -> list[TrialResult]:
    """Run the tests here and now."""
    results = []
    for rule in read_rules(text, "rule"):
        for test in rule.tests:
            alone = msgspec.structs.replace(rule, tests=(test,))
            try:
                results += [
                    TrialResult(t.name[:_SHOWN], t.problem[:_SHOWN]) for t in run_trials(alone)
                ]
            except Exception as error:  # noqa: BLE001 - a test may say anything; it is told back
                problem = f"it cannot be run: {type(error).__name__}: {error}"[:_SHOWN]
                results.append(TrialResult(str(test.get("name", "?"))[:_SHOWN], problem))
    return results


def main() -> None:
    """Be the other process."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    cpu_s = round(LONGEST_S) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    results = run(sys.stdin.buffer.read().decode())
    sys.stdout.buffer.write(msgspec.json.encode(results))


if __name__ == "__main__":
    main()
