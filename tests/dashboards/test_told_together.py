"""The page of an alert says with how many others it was told, and whether that arrived."""

from __future__ import annotations

from uuid import UUID

import httpx
from guarded_site import Site

from anju_platform.database import now, transaction
from anju_platform.notifications.model import Channel, Delivery, Notification
from anju_platform.notifications.repository import take_receipt


def told(site: Site, *alerts: UUID, together: str | None) -> None:
    """Let guards have been told of these alerts by a chat group, in one message or one by one."""
    at = now()
    times = {"created_at": at, "next_attempt_at": at, "expires_at": at}
    with transaction(site.engine) as session:
        channel = Channel(community_id=site.community, slug="guards", kind="robot", name="保安群",
                          roles=["guard"], position=1)  # fmt: skip
        session.add(channel)
        for alert in alerts:
            of_it = {"community_id": site.community, "alert_id": alert, "transition": 1}
            plan = Notification(**of_it, **times, recipient="role:guard", channel="in_app",
                                state="accepted", payload={}, routed_at=at)  # fmt: skip
            session.add(plan)
            session.flush()
            session.add(
                Delivery(
                    **of_it,
                    **times,
                    notification_id=plan.id,
                    step=0,
                    severity=3,
                    channel_id=channel.id,
                    state="accepted",
                    attempts=1,
                    accepted_at=at,
                    receipt=f"own-{alert}",
                    together=together,
                )
            )


def test_each_alerts_page_says_so(guard: httpx.Client, site: Site) -> None:
    first, second, third = (site.raise_alert(f"离线 {n}", severity=3) for n in range(3))
    told(site, first, second, third, together="word")
    for alert in (first, second):
        page = guard.get(f"/alerts/{alert}").text
        assert "与此处另外 2 条告警合为一条消息" in page
    with transaction(site.engine) as session:
        assert take_receipt(session, "word", now(), seen=False)
    for alert in (first, second, third):
        page = guard.get(f"/alerts/{alert}").text
        line = page.partition("保安群")[2].partition("</li>")[0]
        assert "已送达" in line


def test_what_was_told_by_itself_says_nothing_of_others(guard: httpx.Client, site: Site) -> None:
    first, second = (site.raise_alert(f"离线 {n}", severity=3) for n in range(2))
    told(site, first, second, together=None)
    assert "合为一条消息" not in guard.get(f"/alerts/{first}").text
