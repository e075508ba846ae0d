"""What people outside are told, in their language: what, where, since when, and how it stands.

No name and no health value: a telephone shows it on its locked screen.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from anju_platform.auth.model import Role
from anju_platform.notifications.outside.carriers.carrier import Message
from anju_platform.notifications.outside.repository import Errand

_SEVERITY = {
    "zh": {1: "生命危险", 2: "紧急", 3: "注意", 4: "维护"},
    "en": {1: "Life", 2: "Urgent", 3: "Attention", 4: "Maintenance"},
}
_MODE = {
    "zh": {"test": "【测试】", "drill": "【演练】"},
    "en": {"test": "TEST ", "drill": "DRILL "},
}
_HOW: Mapping[str, Mapping[str, str]] = {
    "zh": {
        "escalated": "仍无人处理，请您接手。",
        "expired": "接手后未处理完，情况仍在持续。",
        "unshelved": "搁置已结束，请处理。",
        "speaks": "静音已解除，情况仍在持续，请处理。",
        "drill_over": "演练已结束，情况仍在持续，请按真实告警处理。",
        "dispatched": "派您前往处理。",
        "family": "值班台已收到，尚无人接手。",
        "family had": "已有人在处理。",
        "family some": "值班台已收到，部分已有人处理。",
        "contact": "您是这户的联系人，请前往查看或联系值班台。",
        "": "尚无人处理。",
    },
    "en": {
        "escalated": "Still nobody has it: please take it on.",
        "expired": "It was taken on and goes on: please look again.",
        "unshelved": "It is no longer shelved: please take it on.",
        "speaks": "It is no longer muted and goes on: please take it on.",
        "drill_over": "The drill is over and it goes on: please take it for real.",
        "dispatched": "You are sent there.",
        "family": "The duty desk has been told; nobody has it yet.",
        "family had": "Somebody has it.",
        "family some": "The duty desk has been told; somebody has some of them.",
        "contact": "You are this home's contact: please look, or call the duty desk.",
        "": "Nobody has it yet.",
    },
}
_DESK = {"zh": "值班台电话 {phone}。", "en": " The desk: {phone}."}
_NOWHERE = {"zh": "整个小区", "en": "the whole community"}
_AT = {"zh": "{place}，{time} 发现。{how}", "en": "{place}, detected at {time}. {how}"}
_MANY = {"zh": "{place}：{n} 条告警", "en": "{n} alerts, {place}"}
_WHAT = {
    "zh": "{what}。{time} 起陆续发现。{how}",
    "en": "{what}. Detected from {time} on. {how}",
}
_COMMA = {"zh": "、", "en": ", "}


def message(errand: Errand, public_url: str, at: datetime) -> Message:
    """Say what an errand is about; ``at`` is now."""
    zh = errand.locale != "en"
    language = "zh" if zh else "en"
    base = public_url.rstrip("/")
    good_for_s = max(1, round((errand.delivery.expires_at - at).total_seconds()))
    receipt_url = _receipt_url(errand, base)
    if errand.letter is not None:
        return Message(
            title=errand.letter.title,
            body=errand.letter.body,
            language=language,
            severity=errand.delivery.severity,
            tag=str(errand.letter.id),
            url=f"{base}{errand.letter.path}",
            receipt_url=receipt_url,
            good_for_s=good_for_s,
        )
    place = (errand.place if zh else errand.place_en) or _NOWHERE[language]
    is_family = errand.role == Role.FAMILY
    time = errand.detected_at.astimezone(ZoneInfo(errand.timezone))
    marker = _MODE[language].get(errand.mode, "")
    title = errand.title if zh else errand.title_en
    one = errand.delivery
    how = _how([errand], language)
    return Message(
        title=f"{marker}P{errand.severity} {_SEVERITY[language][errand.severity]} · {title}",
        body=_AT[language].format(place=place, time=f"{time:%H:%M}", how=how),
        language=language,
        severity=errand.severity,
        tag=one.together or str(one.alert_id),  # one left of many repeats that message
        # who has no account can open nothing of ours
        url=base
        if _is_contact(errand)
        else f"{base}{'/family' if is_family else ''}/alerts/{one.alert_id}",
        receipt_url=receipt_url,
        good_for_s=good_for_s,
    )


def message_of_many(errands: Sequence[Errand], public_url: str, at: datetime) -> Message:
    """Say what several errands to the same address are about: alerts of one place, each named."""
    first = min(errands, key=lambda one: one.detected_at)
    zh = first.locale != "en"
    language = "zh" if zh else "en"
    base = public_url.rstrip("/")
    place = (first.place if zh else first.place_en) or _NOWHERE[language]
    counts = Counter(one.title if zh else one.title_en for one in errands)
    what = [f"{title} ×{n}" if n > 1 else title for title, n in counts.items()]
    time = first.detected_at.astimezone(ZoneInfo(first.timezone))
    severity = min(one.severity for one in errands)
    many = _MANY[language].format(place=place, n=len(errands))
    marker = _MODE[language].get(first.mode, "")
    page = "/family" if first.role == Role.FAMILY else "/alerts?handling=unacked"
    return Message(
        title=f"{marker}P{severity} {_SEVERITY[language][severity]} · {many}",
        body=_WHAT[language].format(
            what=_COMMA[language].join(what), time=f"{time:%H:%M}", how=_how(errands, language)
        ),
        language=language,
        severity=severity,
        tag=first.delivery.together or "together",
        url=base if _is_contact(first) else f"{base}{page}",
        receipt_url=_receipt_url(first, base),
        good_for_s=max(
            1, round((max(one.delivery.expires_at for one in errands) - at).total_seconds())
        ),
    )


def _receipt_url(errand: Errand, base: str) -> str:
    """Give where receipts go: the message's own word, or that of all it was said with."""
    return f"{base}/api/v1/receipts/{errand.delivery.together or errand.delivery.receipt}"


def _is_contact(errand: Errand) -> bool:
    return errand.address is not None and errand.address.household_id is not None


def _how(errands: Sequence[Errand], language: str) -> str:
    """Say how it stands; where that differs, what is true of all of them."""
    kinds = {_kind(one) for one in errands}
    kind = kinds.pop() if len(kinds) == 1 else ""
    if not kind and errands[0].role == Role.FAMILY:
        kind = "family some"
    how = _HOW[language].get(kind, _HOW[language][""])
    phone = errands[0].desk_phone
    return how + _DESK[language].format(phone=phone) if kind == "contact" and phone else how


def _kind(errand: Errand) -> str:
    """Give under which key it is said how it stands; a family is never asked to take it on."""
    if _is_contact(errand):
        return "contact"
    if errand.role != Role.FAMILY:
        return errand.kind
    return "family" if errand.handling == "unacked" else "family had"
