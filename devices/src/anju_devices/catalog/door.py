"""A door or gate with a controller: who went through, and how it stands."""

from anju_devices.catalog.vocabulary import (
    BATTERY,
    TAMPER,
    boolean,
    choice,
    command,
    event,
    number,
    text,
)
from anju_devices.model import DeviceModel, Text

_CREDENTIALS = (
    "card",
    "phone",
    "code",
    "qr",
    "plate",
    "fingerprint",
    "visitor_code",
    "remote",
    "unknown",
)
_ACCESS = (
    text("credential", "凭证（加密摘要）", "Credential (keyed hash)"),
    choice("credential_type", "凭证类型", "Credential type", *_CREDENTIALS),
    choice("direction", "方向", "Direction", "in", "out"),
    text("reason", "原因", "Reason"),
    boolean("offline", "离线判定", "Decided offline"),
    number("valid_until", "有效期至", "Valid until", "ms", least=0),
)

MODEL = DeviceModel(
    "door",
    Text("门禁", "Door"),
    "door",
    interval_s=30,
    fields=(
        choice("door_state", "门状态", "Door", "closed", "open", "unknown", "fault", urgent=True),
        choice("lock_state", "锁状态", "Lock", "locked", "unlocked", "unknown"),
        BATTERY,
    ),
    events=(
        event("access_granted", "通行", "Access granted", *_ACCESS),
        event("access_denied", "拒绝通行", "Access denied", *_ACCESS),
        event("exit_request", "出门按钮", "Exit requested"),
        event("opened", "门开", "Opened"),
        event("closed", "门关", "Closed"),
        TAMPER,
        event("duress", "胁迫开门", "Duress", *_ACCESS),
        event(
            "passed",
            "通过人数",
            "People passed",
            number("bodies", "人数", "Bodies", least=0, most=100),
            number("grants", "授权数", "Grants", least=0, most=100),
        ),
    ),
    commands=(
        command(
            "unlock",
            "远程开门",
            "Unlock",
            number("hold_s", "保持", "Hold", "s", least=1, most=60),
        ),
        command("lock", "上锁", "Lock"),
    ),
)
