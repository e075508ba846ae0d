"""Back-tests as rows: each in a real process of its own, one at a time, told truly."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from outer_site import PASSWORD_HASH, Site, ago
from rule_editor import HEAT, hot
from sqlalchemy import text
from sqlalchemy.orm import Session
from stored_points import store

from anju_platform.auth.model import Role, User
from anju_platform.backtest.jobs import repository, running
from anju_platform.backtest.jobs.model import BacktestJob, JobState
from anju_platform.backtest.source import Span
from anju_platform.backtest.stored import StoredReadings
from anju_platform.database import now, reading, to_millis, transaction
from anju_platform.provision import import_community
from anju_platform.registry.model import Community

LogIn = Callable[..., httpx.Client]
SAYS = """
    INSERT INTO telemetry (community_id, device_id, field_id, observed_at, value, flags)
    SELECT :community, d.id, f.id, now() - interval '1 day' + n * interval '0.2 second', :value, 0
    FROM devices d, device_fields f, generate_series(1, :many) n
    WHERE d.slug = 'warm' AND f.model = 'climate' AND f.name = 'temperature'
"""


@pytest.fixture
def admin(site: Site, log_in: LogIn) -> httpx.Client:
    client = log_in(Role.ADMIN)
    device = {"slug": "warm", "model": "climate", "gateway": "gw-west", "place": "b1"}
    names = {"name": "温度", "name_en": "Climate"}
    assert client.post("/api/v1/devices", json=device | names).status_code == 201
    with site.engine.begin() as connection:
        connection.execute(
            text("UPDATE devices SET created_at = :at WHERE slug = 'warm'"), {"at": ago(days=30)}
        )
    assert client.post("/api/v1/rules", json={"text": HEAT}).status_code == 201
    return client


def says(site: Site, value: float, many: int) -> None:
    with site.engine.begin() as connection:
        given = {"community": site.community_id, "value": value, "many": many}
        connection.execute(text(SAYS), given)


def begin(client: httpx.Client, said: str = HEAT, **how: Any) -> dict[str, Any]:
    answer = client.post("/api/v1/rules/heat/backtests", json={"text": said, "days": 2} | how)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def wait(client: httpx.Client, job: dict[str, Any], until: Callable[[Any], bool]) -> Any:
    deadline = time.monotonic() + 90
    while not until(now_is := client.get(f"/api/v1/backtests/{job['id']}").json()):
        assert time.monotonic() < deadline, now_is
        time.sleep(0.1)
    return now_is


def ended(job: Any) -> bool:
    return bool(job["state"] != "running")


def test_a_back_test_runs_by_itself_and_tells_beside_what_is_in_force(
    site: Site, admin: httpx.Client
) -> None:
    says(site, 36.0, 5)
    activated = {"version": 1, "reason": "it is time", "seen": 0}
    assert admin.post("/api/v1/rules/heat/activate", json=activated).status_code == 200
    same = wait(admin, begin(admin, version=1), ended)
    assert (same["state"], same["version"], same["started_by"]) == ("done", 1, "陈静")
    assert same["report"]["tested"]["figures"]["alerts"] == 1
    assert same["report"]["comparison"] is None
    other = wait(admin, begin(admin, hot(80), version=1), ended)
    assert other["version"] is None  # the text is not that of version 1
    assert other["report"]["comparison"]["disappearing"] == 1
    newest = admin.get("/api/v1/backtests", params={"rule": "heat"}).json()
    assert [one["id"] for one in newest] == [other["id"], same["id"]]
    assert all(one["report"] is None for one in newest)
    assert [entry.data["days"] for entry in site.audited("rule.backtested")] == [2, 2]


def test_of_homes_whoever_may_not_see_care_is_told_totals_alone(
    site: Site, admin: httpx.Client, log_in: LogIn
) -> None:
    says(site, 36.0, 5)
    activated = {"version": 1, "reason": "it is time", "seen": 0}
    assert admin.post("/api/v1/rules/heat/activate", json=activated).status_code == 200
    job = wait(admin, begin(admin, hot(80)), ended)
    auditor = log_in(Role.AUDITOR)

    def lines(client: httpx.Client) -> tuple[list[str], list[str]]:
        report = client.get(f"/api/v1/backtests/{job['id']}").json()["report"]
        against, comparison = report["against"], report["comparison"]
        assert (against["figures"]["alerts"], comparison["disappearing"]) == (1, 1)
        assert against["rules"][0]["figures"]["entities"] == against["figures"]["entities"]
        return (
            [one["entity"] for one in against["figures"]["entities"]],
            [one["entity"] for one in comparison["disappear"]],
        )

    assert lines(auditor) == (["warm"], ["warm"])  # it hangs on a stair
    assert site.audited("care.read") == []
    with site.engine.begin() as connection:
        connection.execute(
            text("UPDATE devices d SET household_id = h.id FROM households h WHERE d.slug = 'warm'")
        )
    assert lines(auditor) == ([], [])
    assert site.audited("care.read") == []
    assert lines(admin) == (["warm"], ["warm"])
    [look] = site.audited("care.read")
    assert (look.actor, look.subject, look.data) == (
        "陈静",
        "household:h-501",
        {"backtest": job["id"]},
    )
    with site.engine.begin() as connection:  # what is not known to be outside of homes is not told
        connection.execute(text("UPDATE devices SET slug = 'gone' WHERE slug = 'warm'"))
    assert lines(auditor) == ([], [])


@pytest.mark.usefixtures("admin")
def test_what_a_body_says_at_home_is_not_read(site: Site) -> None:
    says(site, 30.0, 1)
    for field in ("in_bed", "heart_rate", "respiration"):
        store(site.engine, site.device("b1-501-bed"), field, [(ago(days=1), 1.0)])
    end = to_millis(now())
    start = end - 3 * 86_400_000
    with reading(site.engine) as session:
        source = StoredReadings(session, "garden", Span(start, start, end))
        heard = {one.device.slug: set(one.reading.values) for one in source.readings()}
    assert heard == {"warm": {"temperature"}, "b1-501-bed": {"in_bed"}}


def test_one_at_a_time_and_cancelled_it_stops(site: Site, admin: httpx.Client) -> None:
    says(site, 30.0, 400_000)
    job = begin(admin)
    second = admin.post("/api/v1/rules/heat/backtests", json={"text": HEAT})
    assert (second.status_code, "'heat' is running" in second.json()["detail"]) == (409, True)
    on_its_way = wait(admin, job, lambda one: ended(one) or one["progress"] > 0)
    assert on_its_way["state"] == "running"
    assert 0 < on_its_way["progress"] < 1
    for _ in range(2):  # a button pressed twice
        assert admin.delete(f"/api/v1/backtests/{job['id']}").status_code == 204
    assert len(site.audited("rule.backtest_cancelled")) == 1
    after = wait(admin, job, ended)
    assert (after["state"], after["report"]) == ("cancelled", None)
    deadline = time.monotonic() + 30
    while is_read(site):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert begin(admin)["state"] == "running"


def is_read(site: Site) -> bool:
    """Whether a transaction of a back-test is open."""
    query = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND query LIKE '%blind AS MATERIALIZED%' AND pid <> pg_backend_pid()"
    )
    with site.engine.connect() as connection:
        return bool(connection.scalar(text(query)))


@pytest.fixture
def stopped(site: Site, admin: httpx.Client) -> int:
    """A job whose process is not there any more."""
    assert admin.get("/api/v1/backtests").json() == []
    user = site.actor(Role.ADMIN).user_id
    row = {"community_id": site.community_id, "rule_id": "heat", "version": 1, "text": HEAT}
    with transaction(site.engine) as session:
        job_id = repository.add(session, row | {"days": 2, "started_by": user})
    assert job_id is not None
    silence = "UPDATE backtests SET beat_at = beat_at - interval '16 s'"
    with site.engine.begin() as connection:
        connection.execute(text(silence))
    return job_id


def test_one_whose_process_was_killed_says_interrupted_and_is_in_nobodys_way(
    site: Site, admin: httpx.Client, stopped: int
) -> None:
    found = admin.get(f"/api/v1/backtests/{stopped}").json()
    assert (found["state"], found["ended_at"]) == ("interrupted", None)
    job = wait(admin, begin(admin), ended)
    assert job["state"] == "done"
    written = admin.get(f"/api/v1/backtests/{stopped}").json()
    assert (written["state"], written["ended_at"] is None) == ("interrupted", False)
    with Session(site.engine) as session:  # it wakes up after all: it is wanted no more
        assert not repository.beat(session, stopped, 0.5)
        assert not repository.end(session, stopped, JobState.DONE, report={})
        assert repository.begin(session, stopped) is None


def test_why_it_failed_is_told(site: Site, admin: httpx.Client, stopped: int) -> None:
    with transaction(site.engine) as session:
        job = session.get_one(BacktestJob, stopped)
        job.text, job.beat_at = "no rule", now()
    running.run(site.engine, stopped)
    found = admin.get(f"/api/v1/backtests/{stopped}").json()
    assert (found["state"], "expected a rule" in found["fault"]) == ("failed", True)


def test_what_is_no_such_rule_is_refused(admin: httpx.Client) -> None:
    for said, days, status in (("nonsense", 2, 422), (HEAT, 0, 422), (HEAT, 93, 422)):
        answer = admin.post("/api/v1/rules/heat/backtests", json={"text": said, "days": days})
        assert answer.status_code == status
    other = admin.post("/api/v1/rules/smoke/backtests", json={"text": HEAT})
    assert "not 'smoke'" in other.json()["detail"]
    assert admin.get("/api/v1/backtests/9999").status_code == 404


def test_nobody_of_elsewhere_sees_or_cancels_it(
    site: Site, admin: httpx.Client, stopped: int, log_in: LogIn
) -> None:
    with transaction(site.engine) as session:
        import_community(session, {
            "community": {"slug": "meadow", "name": "草甸", "name_en": "Meadow"},
            "places": [], "gateways": [], "devices": [],
        })  # fmt: skip
        meadow = session.query(Community).filter_by(slug="meadow").one().id
        session.add(
            User(username="far", name="远", role=Role.ADMIN, community_id=meadow,
                 password_hash=PASSWORD_HASH)
        )  # fmt: skip
    far = log_in("far")
    assert far.get("/api/v1/backtests").json() == []
    assert far.get(f"/api/v1/backtests/{stopped}").status_code == 404
    assert far.delete(f"/api/v1/backtests/{stopped}").status_code == 404
    assert admin.get(f"/api/v1/backtests/{stopped}").status_code == 200
