"""How the platform is doing: the system page's data, metrics, probes, receipts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest
from outer_site import PASSWORD_HASH, Site, Web, ago
from sqlalchemy import select
from sqlalchemy.orm import Session

from anju_platform.alerts.model import Alert
from anju_platform.audit.model import AuditEntry
from anju_platform.auth.model import Role, User
from anju_platform.database import now, transaction
from anju_platform.lanes.model import LaneState, Quarantined
from anju_platform.notifications.model import Notification
from anju_platform.registry.model import BlindPeriod, Gateway
from anju_platform.system import service as system
from anju_platform.system.service import Rate
from anju_platform.telemetry.model import DeviceEvent

LogIn = Callable[..., httpx.Client]


def fill(site: Site) -> None:
    """A gateway with an old and a present epoch, a blind one, events, quarantine, outbox."""
    fill_gateways(site)
    fill_quarantine(site)
    fill_outbox(site)


def fill_gateways(site: Site) -> None:
    with transaction(site.engine) as session:
        ids = {g.slug: g.id for g in session.scalars(select(Gateway))}
        for epoch, lane, committed, minutes in (
            ("old", "events", 900, 60),
            ("new", "events", 7, 1),
            ("new", "telemetry", 30, 2),
        ):
            session.add(
                LaneState(
                    gateway_id=ids["gw-west"],
                    epoch=epoch,
                    lane=lane,
                    committed=committed,
                    updated_at=ago(minutes=minutes),
                )
            )
        session.add(
            BlindPeriod(
                community_id=site.community_id,
                gateway_id=ids["gw-away"],
                started_at=ago(minutes=8),
            )
        )
        for late_s in (1, 2, 30):
            observed = ago(minutes=1)
            session.add(
                DeviceEvent(
                    community_id=site.community_id,
                    device_id=site.device("b1-door").id,
                    observed_at=observed,
                    received_at=observed + timedelta(seconds=late_s),
                    event="opened",
                    data={},
                    flags=0,
                )
            )


def fill_quarantine(site: Site) -> None:
    with transaction(site.engine) as session:
        for community_id, reason in ((site.community_id, "invalid"), (None, "unknown-gateway")):
            session.add(
                Quarantined(
                    community_id=community_id,
                    received_at=now(),
                    topic="t",
                    reason=reason,
                    detail="what was wrong",
                    payload=b"\xff raw",
                )
            )


def fill_outbox(site: Site) -> None:
    alert_id = site.alert()
    with transaction(site.engine) as session:
        for recipient, state in (("role:guard", "queued"), ("role:family", "queued")):
            session.add(
                Notification(
                    community_id=site.community_id,
                    alert_id=alert_id,
                    transition=1,
                    recipient=recipient,
                    channel="in_app",
                    state=state,
                    created_at=ago(seconds=40),
                    next_attempt_at=now(),
                    expires_at=now() + timedelta(hours=1),
                )
            )


def test_the_system_page_tells_lanes_blindness_lag_outbox_and_quarantine(
    site: Site, log_in: LogIn
) -> None:
    fill(site)
    said = log_in("property").get("/api/v1/system").json()
    away, west = said["gateways"]
    assert away["blind_since"] is not None
    assert {lane["lane"]: lane["committed"] for lane in west["lanes"]} == {
        "events": 7,
        "telemetry": 30,
    }
    assert said["lag"] == {"events": 3, "p50_s": 2, "p95_s": 27.2, "worst_s": 30}
    assert said["outbox"]["waiting"] == 2
    assert said["outbox"]["oldest_s"] >= 40
    assert {q["reason"]: q["waiting"] for q in said["quarantine"]} == {"invalid": 1}
    assert said["events_per_min"] == 0.6
    assert said["database_bytes"] > 1_000_000
    assert said["devices"]["total"] == 6
    assert said["live_screens"] == 0


def test_a_rate_needs_two_looks_far_enough_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([100.0, 101.0, 110.0, 111.0])
    rate = Rate()
    monkeypatch.setattr(system.time, "monotonic", lambda: next(moments))
    assert [rate.of(count) for count in (1000, 2000, 6000, 9000)] == [None, None, 500.0, 500.0]


def test_what_came_is_shown_to_whoever_may_read_health_values(site: Site, log_in: LogIn) -> None:
    fill(site)
    for role in ("property", "installer", "auditor"):
        rows = log_in(role).get("/api/v1/quarantine").json()["rows"]
        assert rows
        assert {row["payload"] for row in rows} == {""}
    assert site.audited("care.read") == []
    rows = log_in("admin").get("/api/v1/quarantine").json()["rows"]
    assert "" not in {row["payload"] for row in rows}
    assert [entry.subject for entry in site.audited("care.read")] == ["quarantine"]


def test_quarantine_is_paged_and_shows_what_came(site: Site, log_in: LogIn) -> None:
    fill(site)
    client = log_in("admin")
    page = client.get("/api/v1/quarantine", params={"reason": "invalid"}).json()
    assert (page["total"], page["rows"][0]["payload"]) == (1, "\ufffd raw")
    assert client.get("/api/v1/quarantine", params={"page": 2, "size": 1}).json()["total"] == 1


def test_what_no_community_claims_is_for_administrators_of_all(site: Site, log_in: LogIn) -> None:
    fill(site)
    with transaction(site.engine) as session:
        session.add(
            User(
                username="root",
                name="总管",
                role=Role.ADMIN,
                community_id=None,
                password_hash=PASSWORD_HASH,
            )
        )
    for username, reasons in (
        ("property", {"invalid"}),
        ("admin", {"invalid"}),
        ("root", {"invalid", "unknown-gateway"}),
    ):
        client = log_in(username)
        rows = client.get("/api/v1/quarantine").json()["rows"]
        counted = client.get("/api/v1/system").json()["quarantine"]
        assert {row["reason"] for row in rows} == reasons
        assert {count["reason"] for count in counted} == reasons


def test_administrators_read_the_audit(log_in: LogIn) -> None:
    client = log_in("admin")
    found = client.get("/api/v1/audit", params={"action": "auth.login"}).json()
    assert [entry["subject"] for entry in found["items"]] == ["user:admin"]
    assert found["next"] is None


def test_the_audit_is_read_page_by_page_and_none_is_missed(site: Site, log_in: LogIn) -> None:
    client = log_in("admin")
    moment = now()
    with transaction(site.engine) as session:  # all in one moment: a time would not do to go on
        for n in range(7):
            entry = AuditEntry(
                at=moment, community_id=site.community_id, actor="x", action="x", subject=str(n)
            )
            entry.data = {}
            session.add(entry)
    seen: list[str] = []
    after: dict[str, str] = {}
    while True:
        asked = {"action": "x", "limit": 3} | after
        page = client.get("/api/v1/audit", params=asked).raise_for_status().json()
        seen += [entry["subject"] for entry in page["items"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert seen == ["6", "5", "4", "3", "2", "1", "0"]


def test_metrics_name_alerts_gateways_outbox_and_silence(site: Site, web: Web) -> None:
    fill(site)
    with web.client() as client:
        text = client.get("/metrics").text
    for line in (
        'anju_alerts_open{handling="unacked",severity="P1"} 1.0',
        "anju_gateways_online 1.0",
        "anju_gateways 2.0",
        "anju_outbox_waiting 2.0",
        "anju_quarantine_waiting 2.0",
    ):
        assert line in text
    assert "anju_ingest_silence_seconds 6" in text


def test_metrics_are_for_this_machine_or_the_tokens_bearer(
    site: Site, serve_site: Callable[..., Web]
) -> None:
    web = serve_site(site.url, metrics_token="a-long-token")
    with web.client(**{"X-Forwarded-For": "203.0.113.9"}) as client:
        assert client.get("/metrics").status_code == 403
        wrong = client.get("/metrics", headers={"Authorization": "Bearer wrong"})
        assert wrong.status_code == 403
        right = client.get("/metrics", headers={"Authorization": "Bearer a-long-token"})
        assert right.status_code == 200


def test_probes_answer_everybody(web: Web) -> None:
    with web.client() as client:
        assert client.get("/healthz").json() == {"status": "ok"}
        assert client.get("/readyz").json()["status"] == "ready"


def test_a_process_without_its_database_is_alive_and_not_ready(
    serve_site: Callable[..., Web],
) -> None:
    web = serve_site("postgresql://u@127.0.0.1:1/none")
    with web.client() as client:
        assert client.get("/healthz").status_code == 200
        answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["error"] == "database_unavailable"


def test_receipts_settle_the_messages_of_a_persons_post(site: Site, log_in: LogIn) -> None:
    fill(site)
    with Session(site.engine) as session:
        alert_id = str(session.scalars(select(Alert.id)).one())
    client = log_in("guard")

    def receipt(kind: str) -> int:
        said = {"alerts": [alert_id], "kind": kind, "screen": "wall-1"}
        settled: int = client.post("/api/v1/receipts", json=said).json()["settled"]
        return settled

    assert [receipt(k) for k in ("delivered", "delivered", "seen", "delivered")] == [1, 0, 1, 0]
    with Session(site.engine) as session:
        states = {n.recipient: n for n in session.scalars(select(Notification))}
    assert states["role:guard"].state == "seen"
    assert states["role:guard"].delivered_at is not None
    assert states["role:guard"].seen_at is not None
    assert states["role:family"].state == "queued"
