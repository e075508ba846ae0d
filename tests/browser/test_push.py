"""The service worker in a real Chromium shows a push and says so, with nobody logged in."""

from __future__ import annotations

import json
from typing import Any

import pytest
from guarded_site import Site
from playwright.sync_api import Browser, CDPSession, Page
from screens import Screens
from sqlalchemy import select
from sqlalchemy.orm import Session

from anju_platform.alerts.model import Alert
from anju_platform.alerts.telling import tell
from anju_platform.auth.model import User
from anju_platform.database import now, transaction
from anju_platform.notifications import listing
from anju_platform.notifications.model import Delivery
from anju_platform.notifications.repository import add
from anju_platform.notifications.taking_up import take_up

pytestmark = pytest.mark.browser


def a_delivery(site: Site) -> tuple[str, str]:
    """Plan a push about a life alert; gives the alert and the receipt's word."""
    alert_id = site.raise_alert()
    with transaction(site.engine) as session:
        listing.provide_push(session, site.community)
        user = session.scalars(select(User.id).where(User.role == "guard").limit(1)).one()
        values = {"user_id": user, "kind": "push", "target": "https://push.example.org/x"}
        values |= {"label": "Chrome", "keys": {}, "created_at": now()}
        listing.put_address(session, values)
        add(session, tell(session.get_one(Alert, alert_id), "raised", ("role:guard",)))
    take_up(site.engine, lambda *_: None)
    with Session(site.engine) as session:
        return str(alert_id), session.scalars(select(Delivery.receipt)).one()


def state(site: Site) -> str:
    with Session(site.engine) as session:
        return session.scalars(select(Delivery.state)).one()


def registered(page: Page, url: str) -> tuple[CDPSession, str]:
    """Register the service worker; gives the browser's door to it and its registration."""
    session = page.context.new_cdp_session(page)
    found: list[str] = []

    def note(said: dict[str, Any]) -> None:
        found.extend(one["registrationId"] for one in said["registrations"] if not one["isDeleted"])

    session.on("ServiceWorker.workerRegistrationUpdated", note)
    session.send("ServiceWorker.enable")
    page.goto(f"{url}/login")
    page.evaluate(
        "navigator.serviceWorker.register('/sw.js').then(() => navigator.serviceWorker.ready)"
    )
    for _ in range(100):
        if found:
            break
        page.wait_for_timeout(50)
    return session, found[0]


def test_a_push_is_shown_and_its_receipt_is_the_proof(
    site: Site, screens: Screens, chromium: Browser
) -> None:
    alert_id, receipt = a_delivery(site)
    context = chromium.new_context()
    context.grant_permissions(["notifications"], origin=screens.url)
    page = context.new_page()
    door, registration = registered(page, screens.url)
    said = {
        "title": "P1 生命危险 · 疑似跌倒",
        "body": "3 栋 2 单元 501",
        "tag": alert_id,
        "url": f"{screens.url}/alerts/{alert_id}",
        "receipt": f"https://another-name.example/api/v1/receipts/{receipt}",
        "severity": 1,
        "lang": "zh",
    }
    assert state(site) == "queued"
    door.send(
        "ServiceWorker.deliverPushMessage",
        {"origin": screens.url, "registrationId": registration, "data": json.dumps(said)},
    )
    for _ in range(100):
        if state(site) == "delivered":
            break
        page.wait_for_timeout(50)
    assert state(site) == "delivered"
    shown = page.evaluate(
        "navigator.serviceWorker.ready.then((r) => r.getNotifications())"
        ".then((all) => all.map((n) => [n.title, n.body, n.tag, n.requireInteraction]))"
    )
    assert shown == [["P1 生命危险 · 疑似跌倒", "3 栋 2 单元 501", alert_id, True]]
    context.close()
