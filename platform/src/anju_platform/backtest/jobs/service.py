"""Start a back-test, look at it, cancel it.

The row is all there is: the process at work writes it once a second, and ends by itself when
the row is no longer running. Whoever started it may close the page, and the web process may
be replaced; where the process at work is killed, the row tells so by its silence.
"""

import subprocess
import sys
import threading

from sqlalchemy.orm import Session

from anju_platform.audit.service import record
from anju_platform.auth.actor import Actor
from anju_platform.backtest.jobs import repository, showing
from anju_platform.backtest.jobs.model import JobState
from anju_platform.backtest.jobs.repository import Found
from anju_platform.backtest.jobs.schemas import BacktestRequest, BacktestView
from anju_platform.database import Json
from anju_platform.errors import ConflictError, InvalidRequestError, NotFoundError
from anju_platform.rulebook import overview
from anju_platform.rulebook.texts import demand_new


class AnotherRunsError(ConflictError):
    """One back-test of a community's is at work already; ``job`` names it."""

    title = "A back-test is running already"

    def __init__(self, job: BacktestView | None) -> None:
        super().__init__(
            "a back-test of the rule {rule!r} is running: wait for it, or cancel it"
            if job
            else "a back-test is running: wait for it, or cancel it",
            rule=job.rule_id if job else None,
        )
        self.job = job

    def members(self) -> Json:
        """Give the back-test that is at work, unless it has just ended."""
        return {"job": self.job.model_dump(mode="json")} if self.job else {}


def plan(session: Session, actor: Actor, rule_id: str, wanted: BacktestRequest) -> int:
    """Make the row of a back-test; call :func:`launch` once it is committed.

    Raises:
        NotFoundError: there is no such rule.
        InvalidRequestError: the text is no rule, or of another id.
        AnotherRunsError: one is running.
    """
    rule = demand_new(wanted.text)
    if rule.id != rule_id:
        raise InvalidRequestError(
            "the text is of the rule {own!r}, not {rule_id!r}", own=rule.id, rule_id=rule_id
        )
    version = wanted.version
    if version is not None:
        known = overview.demand_rule(session, actor.community_id, rule_id)
        if overview.version_of(known, version)[1] != wanted.text:
            version = None  # it was edited since
    row = {
        "community_id": actor.community_id,
        "rule_id": rule_id,
        "version": version,
        "text": wanted.text,
        "days": wanted.days,
        "started_by": actor.user_id,
    }
    job_id = repository.add(session, row)
    if job_id is None:
        at_work = repository.running(session, actor.community_id)
        raise AnotherRunsError(view(at_work) if at_work else None)
    # homes' readings are looked at, if only by a rule: that is written down, before
    about = {"backtest": job_id, "version": version, "days": wanted.days}
    record(session, actor, "rule.backtested", f"rule:{rule_id}", about)
    return job_id


def launch(database_url: str, job_id: int) -> None:
    """Start the process that does a job; it outlives this one."""
    process = subprocess.Popen(  # noqa: S603 - a module of ours
        [sys.executable, "-P", "-m", "anju_platform.backtest.jobs.running", str(job_id)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )

    def look_after() -> None:
        process.communicate(database_url.encode())  # not an argument: it holds a password

    threading.Thread(target=look_after, name=f"backtest-{job_id}", daemon=True).start()


def cancel(session: Session, actor: Actor, job_id: int) -> None:
    """Have a back-test stop; one that has ended stays as it is.

    Raises:
        NotFoundError: there is no such back-test.
    """
    job = find(session, actor, job_id)
    if repository.end(session, job_id, JobState.CANCELLED):
        record(
            session, actor, "rule.backtest_cancelled", f"rule:{job.rule_id}", {"backtest": job_id}
        )


def find(session: Session, actor: Actor, job_id: int) -> BacktestView:
    """Give a back-test, without its report.

    Raises:
        NotFoundError: there is none of that number in the actor's community.
    """
    return view(_get(session, actor, job_id))


def read(session: Session, actor: Actor, job_id: int) -> BacktestView:
    """Give a back-test with its report, as the actor may see it.

    The look at each home in it is audited, so call it in a transaction.

    Raises:
        NotFoundError: there is none of that number in the actor's community.
    """
    found = _get(session, actor, job_id)
    report = found[0].report
    told = None if report is None else showing.shown(session, actor, job_id, report)
    return view(found).model_copy(update={"report": told})


def _get(session: Session, actor: Actor, job_id: int) -> Found:
    found = repository.get(session, actor.community_id, job_id)
    if found is None:
        raise NotFoundError("there is no back-test {job_id}", job_id=job_id)
    return found


def newest(session: Session, actor: Actor, rule_id: str | None = None) -> list[BacktestView]:
    """Give the newest back-tests, of one rule or of all."""
    return [view(one) for one in repository.newest(session, actor.community_id, rule_id=rule_id)]


def view(found: Found) -> BacktestView:
    """Show a job as it is now, without its report."""
    job, state, by = found
    return BacktestView(
        id=job.id,
        rule_id=job.rule_id,
        version=job.version,
        days=job.days,
        state=JobState(state),
        progress=job.progress,
        started_by=by,
        started_at=job.started_at,
        ended_at=job.ended_at,
        fault=job.fault,
    )
