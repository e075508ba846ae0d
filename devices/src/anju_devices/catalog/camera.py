"""A camera: what its detectors saw, and whether it sees at all. Pictures stay at the edge."""

from anju_devices.catalog.vocabulary import SNAPSHOT, choice, command, event, number, text
from anju_devices.model import DeviceModel, Text

_ZONE = text("zone", "区域", "Zone")
_ZONE_KIND = choice(
    "zone_kind", "区域类型", "Zone kind", "intrusion", "fire_lane", "loiter", "line"
)
_CLASS = text("class", "目标类别", "Class")
_TRACK = text("track", "轨迹", "Track")
_DWELL = number("dwell_s", "停留", "Dwell", "s", least=0)

MODEL = DeviceModel(
    "camera",
    Text("摄像机", "Camera"),
    "device-cctv",
    interval_s=60,
    fields=(
        number("fps", "帧率", "Frame rate", "fps", least=0, most=240),
        number("last_frame_age", "末帧距今", "Last frame age", "s", least=0),
        number("scene_change", "画面变化", "Scene change", "%", least=0, most=100),
        number("count", "人数", "People", least=0, most=10_000),
        number("density", "人群密度", "Density", "/m²", least=0, most=20),
    ),
    events=(
        event(
            "zone_entered", "进入区域", "Zone entered", _ZONE, _ZONE_KIND, _CLASS, _TRACK, SNAPSHOT
        ),
        event("zone_left", "离开区域", "Zone left", _ZONE, _TRACK, _DWELL),
        event(
            "zone_dwell",
            "区域停留",
            "Dwelling in zone",
            _ZONE,
            _ZONE_KIND,
            _CLASS,
            _TRACK,
            _DWELL,
            SNAPSHOT,
            text("plate", "车牌", "Plate"),
        ),
        event(
            "object_fell",
            "高空抛物",
            "Object fell",
            number("height_m", "起始高度", "Start height", "m", least=0, most=500),
            number("fall_s", "下落时间", "Fall time", "s", least=0, most=30),
            text("clip", "录像编号", "Clip id"),
            SNAPSHOT,
        ),
        event(
            "crowd",
            "人群聚集",
            "Crowd",
            number("count", "人数", "People", least=0, most=10_000),
            number("density", "密度", "Density", "/m²", least=0, most=20),
            SNAPSHOT,
        ),
        event(
            "fire_candidate",
            "疑似烟火",
            "Possible fire or smoke",
            choice("sign", "迹象", "Sign", "flame", "smoke"),
            number("area", "面积占比", "Area", "%", least=0, most=100),
            number("growth", "增长速度", "Growth", "%/s", least=-100, most=100),
            SNAPSHOT,
        ),
        event("fire_candidate_cleared", "疑似烟火消失", "Possible fire gone"),
        event("blocked", "画面被遮挡", "Blocked"),
        event("unblocked", "遮挡解除", "Unblocked"),
        event("moved", "镜头被移动", "Moved"),
        event("defocused", "画面失焦", "Out of focus"),
        event("lost", "视频中断", "Video lost"),
        event("restored", "视频恢复", "Video restored"),
    ),
    commands=(command("snapshot", "抓拍", "Take a snapshot"),),
)
