"""A vehicle lane: plates, and the barrier."""

from anju_devices.catalog.vocabulary import (
    SNAPSHOT,
    TAMPER,
    boolean,
    choice,
    command,
    event,
    number,
    text,
)
from anju_devices.model import DeviceModel, Text

MODEL = DeviceModel(
    "vehicle_lane",
    Text("车行道闸", "Vehicle lane"),
    "barrier-block",
    interval_s=30,
    fields=(
        choice(
            "barrier_state",
            "道闸状态",
            "Barrier",
            "closed",
            "open",
            "moving",
            "fault",
            "unknown",
            urgent=True,
        ),
        boolean("vehicle_present", "有车", "Vehicle present", urgent=True),
    ),
    events=(
        event(
            "plate_read",
            "车牌识别",
            "Plate read",
            text("plate", "车牌", "Plate"),
            number("confidence", "置信度", "Confidence", least=0, most=1),
            choice("direction", "方向", "Direction", "in", "out"),
            choice("listed", "名单", "Listed", "resident", "visitor", "blocked", "unknown"),
            SNAPSHOT,
        ),
        event("barrier_opened", "道闸抬起", "Barrier opened"),
        event("barrier_closed", "道闸落下", "Barrier closed"),
        event("barrier_forced", "道闸被撞开", "Barrier forced"),
        TAMPER,
    ),
    commands=(
        command("raise_barrier", "抬杆", "Raise the barrier"),
        command("lower_barrier", "落杆", "Lower the barrier"),
    ),
)
