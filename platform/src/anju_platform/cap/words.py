"""What an alert is in CAP's words (docs/api.md), and in those of people, in both languages."""

from collections.abc import Mapping
from typing import Final

from anju_platform.alerts.model import Condition, Handling, Mode

STATUS: Final[Mapping[Mode, str]] = {
    Mode.ACTUAL: "Actual",
    Mode.TEST: "Test",
    Mode.DRILL: "Exercise",
}
SEVERITY: Final[Mapping[int, str]] = {1: "Extreme", 2: "Severe", 3: "Moderate", 4: "Minor"}
URGENCY: Final[Mapping[int, str]] = {1: "Immediate", 2: "Immediate", 3: "Expected", 4: "Future"}
OVER = "Past"
CERTAINTY: Final[Mapping[Condition, str]] = {
    Condition.PENDING: "Likely",
    Condition.ACTIVE: "Observed",
    Condition.RECOVERING: "Observed",
    Condition.CLEAR: "Observed",
    Condition.UNKNOWN: "Unknown",
}
RESPONSE: Final[Mapping[int, str]] = {1: "Assess", 2: "Assess", 3: "Assess", 4: "Monitor"}
NO_MORE = "AllClear"

_CATEGORIES: Final = (
    ("Fire", ("smoke", "fire", "gas", "co-", "cable", "electrical", "charging", "lift-ebike")),
    ("Fire", ("hydrant", "stove")),
    ("Health", ("sos", "fall-wearable", "bed", "bathroom", "elder", "im-ok", "home-", "flat-")),
    ("Health", ("water-unused", "protection")),
    ("Rescue", ("lift", "locator")),
    ("Security", ("door", "zone", "loitering", "tailgating", "credential", "visitor", "crowd")),
    ("Security", ("barrier",)),
    ("Infra", ("battery", "device", "gateway", "camera", "spool", "main-gate", "platform")),
    ("Infra", ("water", "tank", "manhole")),
)
"""By what a rule's id begins with; a community's own rule is of safety in general."""
_EXACTLY: Final[Mapping[str, str]] = {"fall": "Health", "falling-object": "Safety"}


def category(rule_id: str) -> str:
    """Give the category of a rule's alerts."""
    if rule_id in _EXACTLY:
        return _EXACTLY[rule_id]
    found = (name for name, begins in _CATEGORIES if rule_id.startswith(begins))
    return next(found, "Safety")


LANGUAGES: Final = ("zh-CN", "en-US")
CONDITION: Final[Mapping[str, Mapping[str, str]]] = {
    "zh-CN": {
        "pending": "待确定",
        "active": "仍在持续",
        "recovering": "正在恢复",
        "clear": "情况已解除",
        "unknown": "状态不明",
    },
    "en-US": {
        "pending": "pending",
        "active": "still going on",
        "recovering": "recovering",
        "clear": "over",
        "unknown": "state unknown",
    },
}
HANDLING: Final[Mapping[str, Mapping[Handling, str]]] = {
    "zh-CN": {
        Handling.UNACKED: "尚无人确认",
        Handling.ACKED: "已有人处理",
        Handling.CLOSED: "已结案",
    },
    "en-US": {
        Handling.UNACKED: "nobody has it yet",
        Handling.ACKED: "somebody has it",
        Handling.CLOSED: "closed",
    },
}
RESTRICTION = "仅供社区授权的接收方 For those whom the community lets read it"
NOTE: Final[Mapping[Mode, str]] = {
    Mode.TEST: "测试，请勿处置 This is a test",
    Mode.DRILL: "演练 This is an exercise",
}
