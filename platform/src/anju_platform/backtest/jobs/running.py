"""The process that does one back-test: reads the past, and writes nothing but its row.

Started with the job's number as its argument and the database's URL on standard input.
"""

import logging
import os
import resource
import sys
from collections.abc import Iterator
from datetime import timedelta

import msgspec
from sqlalchemy import Engine

from anju_platform import tables  # noqa: F401 - foreign keys reach across domains
from anju_platform.background import Background
from anju_platform.backtest import testing
from anju_platform.backtest.jobs import repository
from anju_platform.backtest.jobs.model import BacktestJob, JobState
from anju_platform.backtest.report import Report, encode
from anju_platform.backtest.source import Span
from anju_platform.backtest.stored import StoredReadings
from anju_platform.database import UNAVAILABLE, connect, now, reading, to_millis, transaction
from anju_platform.errors import InvalidRequestError, PlatformError
from anju_platform.registry.model import Community
from anju_platform.rulebook.texts import read_version
from anju_platform.telemetry.writing import Taken
from anju_rules import InvalidRuleError, Rule

log = logging.getLogger(__name__)

WARM_UP = timedelta(days=1)
_NICE = 10
"""Alarms go first: on a machine that is busy a back-test waits."""
_MEMORY = 2 << 30
_BEAT_S = 1.0
_SHOWN = 500
_DAY_MS = 86_400_000


class _FollowedReadings(StoredReadings):
    """Stored readings that tell how far they were read."""

    reached = 0.0

    def readings(self) -> Iterator[Taken]:
        """Give the readings, and note the moment of each."""
        span = self.span
        for one in super().readings():
            self.reached = (one.received_at - span.warm) / (span.end - span.warm)
            yield one


class _Beat(Background):
    """Says once a second that the job is at work; ends the process when nobody wants it."""

    def __init__(self, engine: Engine, job_id: int, source: _FollowedReadings) -> None:
        super().__init__("beat", patience_s=5)
        self._engine, self._job_id, self._source = engine, job_id, source

    def _run(self) -> None:
        while not self._stopping.wait(_BEAT_S):
            try:
                with transaction(self._engine) as session:
                    wanted = repository.beat(session, self._job_id, self._source.reached)
            except UNAVAILABLE as error:  # the row says so by itself, for as long as it lasts
                log.warning("back-test %d: %s", self._job_id, str(error).partition("\n")[0])
                continue
            if not wanted and not self._stopping.is_set():
                os._exit(1)  # it only reads: there is nothing to leave in order


def run(engine: Engine, job_id: int) -> None:
    """Do a job and write its report."""
    with reading(engine) as session:
        job = repository.begin(session, job_id)
        if job is None:
            return
        session.expunge(job)
    try:
        report = _test(engine, job)
    except PlatformError as error:
        _end(engine, job_id, JobState.FAILED, fault=str(error)[:_SHOWN])
    except UNAVAILABLE:
        raise
    except Exception as error:
        log.exception("back-test %d broke off", job_id)
        _end(engine, job_id, JobState.FAILED, fault=f"{type(error).__name__}: {error}"[:_SHOWN])
    else:
        _end(engine, job_id, JobState.DONE, report=report)


def _test(engine: Engine, job: BacktestJob) -> Report:
    end = to_millis(now())
    start = end - job.days * _DAY_MS
    span = Span(start - round(WARM_UP.total_seconds() * 1000), start, end)
    with reading(engine) as session:
        slug = session.get_one(Community, job.community_id).slug
    with reading(engine) as session:
        source = _FollowedReadings(session, slug, span)
        with _Beat(engine, job.id, source):
            rule = read_version(job.text, job.rule_id, job.version or 1)
            if isinstance(rule, InvalidRuleError):
                raise InvalidRequestError(str(rule))
            in_force = source.rules.get(job.rule_id)
            against = [] if in_force is None or _is_same(rule, in_force) else [in_force]
            return testing.backtest(source, [rule], against=against)


def _is_same(rule: Rule, other: Rule) -> bool:
    return msgspec.structs.replace(rule, version=other.version) == other


def _end(
    engine: Engine, job_id: int, state: JobState, *, report: Report | None = None, fault: str = ""
) -> None:
    plain = msgspec.json.decode(encode(report)) if report is not None else None
    with transaction(engine) as session:
        repository.end(session, job_id, state, report=plain, fault=fault)


def main() -> None:
    """Be that process."""
    logging.basicConfig(level=logging.INFO)
    os.nice(_NICE)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    engine = connect(sys.stdin.readline().strip(), pool_size=2)
    try:
        run(engine, int(sys.argv[1]))
    finally:
        engine.dispose()


if __name__ == "__main__":
    main()
