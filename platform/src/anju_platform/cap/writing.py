"""Writing alerts as CAP 1.2 messages and as an Atom feed of them.

A message tells of one step of an alert's life, and what it says stays: its identifier is the
alert's and the step's. Of a home it says the place and what kind of alert it is; no coordinates.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

from anju_platform.alerts.model import Handling
from anju_platform.alerts.schemas import AlertView
from anju_platform.cap import words
from anju_platform.cap.listing import Issue
from anju_platform.registry.schemas import CommunityView

CAP = "urn:oasis:names:tc:emergency:cap:1.2"
ATOM = "http://www.w3.org/2005/Atom"
GOOD_FOR = timedelta(hours=26)
"""Longer than any acknowledgement is good for (24 h): what is open says so again before."""
_NO_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Sender:
    """Who speaks: a community, at the address under which the platform is reached."""

    community: CommunityView
    public_url: str

    @property
    def name(self) -> str:
        """Give the sender's unique name, as CAP wants it: no blanks, no commas."""
        return f"{self.community.slug}@{urlsplit(self.public_url).hostname or 'localhost'}"

    def address(self, path: str) -> str:
        """Give an address of the platform's."""
        return f"{self.public_url.rstrip('/')}{path}"

    def called(self, language: str) -> str:
        """Give the community's name."""
        return _in(language, self.community.name, self.community.name_en)

    def time(self, at: datetime) -> str:
        """Write a time as CAP wants it: with the offset in digits, never Z."""
        local = at.astimezone(ZoneInfo(self.community.timezone)).replace(microsecond=0)
        written = local.isoformat()
        return written.replace("+00:00", "-00:00")


def message(sender: Sender, alert: AlertView, issues: Sequence[Issue]) -> bytes:
    """Write what an alert's last step makes it say; ``issues`` are its steps, oldest first."""
    *earlier, last = issues
    root = ET.Element("alert", {"xmlns": CAP})
    closed = alert.handling is Handling.CLOSED
    kind = ("Cancel" if closed else "Update") if earlier else "Alert"
    _add(root, "identifier", identifier(alert.id, last))
    _add(root, "sender", sender.name)
    _add(root, "sent", sender.time(last.at))
    _add(root, "status", words.STATUS[alert.mode])
    _add(root, "msgType", kind)
    _add(root, "scope", "Restricted")
    _add(root, "restriction", words.RESTRICTION)
    if alert.mode in words.NOTE:
        _add(root, "note", words.NOTE[alert.mode])
    if earlier:
        told = (f"{sender.name},{identifier(alert.id, i)},{sender.time(i.at)}" for i in earlier)
        _add(root, "references", " ".join(told))
    for language in words.LANGUAGES:
        _add_info(root, sender, alert, last, language)
    return _written(root)


def identifier(alert_id: UUID, issue: Issue) -> str:
    """Name the message that tells of a step of an alert's life."""
    return f"{alert_id}.{issue.id}"


def _add_info(
    root: ET.Element, sender: Sender, alert: AlertView, issue: Issue, language: str
) -> None:
    closed = alert.handling is Handling.CLOSED
    over = closed or alert.condition == "clear"
    title = _in(language, alert.title, alert.title_en)
    place = _place(sender, alert, language)
    info = ET.SubElement(root, "info")
    _add(info, "language", language)
    _add(info, "category", words.category(alert.rule_id))
    _add(info, "event", title)
    _add(info, "responseType", words.NO_MORE if closed else words.RESPONSE[alert.severity])
    _add(info, "urgency", words.OVER if over else words.URGENCY[alert.severity])
    _add(info, "severity", words.SEVERITY[alert.severity])
    _add(info, "certainty", words.CERTAINTY[alert.condition])
    _add(info, "onset", sender.time(alert.observed_at))
    _add(info, "expires", sender.time(issue.at + GOOD_FOR))
    _add(info, "senderName", sender.called(language))
    _add(info, "headline", f"{title} · {place}")
    _add(info, "description", _description(alert, language))
    _add(info, "web", sender.address(f"/alerts/{alert.id}"))
    for name, value in (
        ("severity", f"P{alert.severity}"),
        ("condition", alert.condition),
        ("handling", alert.handling),
        ("rule", alert.rule_id),
    ):
        parameter = ET.SubElement(info, "parameter")
        _add(parameter, "valueName", f"anju:{name}")
        _add(parameter, "value", value)
    _add(ET.SubElement(info, "area"), "areaDesc", place)


def _place(sender: Sender, alert: AlertView, language: str) -> str:
    place = _in(language, alert.place or "", alert.place_en or "")
    return place or sender.called(language)


def _description(alert: AlertView, language: str) -> str:
    condition = words.CONDITION[language][alert.condition]
    handling = words.HANDLING[language][alert.handling]
    if language == "zh-CN":
        return f"{alert.title}：{condition}，{handling}。"
    return f"{alert.title_en}: {condition}, {handling}."


def feed(
    sender: Sender, alerts: Sequence[AlertView], latest: dict[UUID, Issue], at: datetime
) -> bytes:
    """Write an Atom feed: one entry for each alert, which leads to its present message."""
    here = sender.address("/api/v1/alerts/cap.atom")
    root = ET.Element("feed", {"xmlns": ATOM})
    said = [(alert, latest[alert.id]) for alert in alerts if alert.id in latest]
    newest = max((issue.at for _, issue in said), default=at)
    _add(root, "id", here)
    _add(root, "title", f"{sender.community.name} {sender.community.name_en}")
    _add(root, "updated", newest.isoformat())
    ET.SubElement(root, "link", {"rel": "self", "href": here})
    _add(ET.SubElement(root, "author"), "name", sender.name)
    for alert, issue in said:
        entry = ET.SubElement(root, "entry")
        _add(entry, "id", alert.id.urn)
        _add(entry, "title", f"P{alert.severity} {alert.title} · {_place(sender, alert, 'zh-CN')}")
        _add(entry, "updated", issue.at.isoformat())
        href = sender.address(f"/api/v1/alerts/{alert.id}/cap")
        ET.SubElement(entry, "link", {"type": "application/cap+xml", "href": href})
        _add(entry, "summary", _description(alert, "zh-CN"))
        ET.SubElement(entry, "category", {"term": words.STATUS[alert.mode]})
    return _written(root)


def _in(language: str, chinese: str, english: str) -> str:
    return english if language.startswith("en") else chinese


def _add(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, name).text = _NO_XML.sub("", text)


def _written(root: ET.Element) -> bytes:
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written
