"""The gateway's reading about itself."""

from anju_devices.catalog.vocabulary import event, number, text
from anju_devices.model import DeviceModel, Text

MODEL = DeviceModel(
    "gateway",
    Text("边缘网关", "Gateway"),
    "router",
    interval_s=30,
    fields=(
        number("cpu", "处理器", "CPU", "%", least=0, most=100),
        number("memory", "内存", "Memory", "%", least=0, most=100),
        number("disk", "磁盘", "Disk", "%", least=0, most=100),
        number("spool_events", "待传事件批次", "Event batches waiting", least=0),
        number("spool_telemetry", "待传遥测批次", "Telemetry batches waiting", least=0),
        number("spool_bytes", "缓存占用", "Spool size", "B", least=0),
        number(
            "clock_offset", "时钟偏差", "Clock offset", "ms", least=-86_400_000, most=86_400_000
        ),
    ),
    events=(
        # the platform says these two, from the gateway's status and last will
        event("online", "上线", "Online"),
        event("offline", "离线", "Offline"),
        event("started", "启动", "Started", text("version", "版本", "Version")),
        event(
            "spool_full",
            "缓存已满",
            "Spool full",
            number("dropped", "丢弃遥测批次", "Telemetry batches dropped", least=0),
        ),
        # walks the whole way to worker and screens and tells nobody: how long that takes is known
        event("canary", "全程自检", "Self-test of the whole way"),
        event(
            "device_found",
            "发现设备",
            "Device found",
            text("device", "设备", "Device"),
            text("driver", "驱动", "Driver"),
            text("foreign", "原名", "Foreign name"),
            text("model", "型号", "Model"),
            text("title", "名称", "Title"),
            text("vendor", "厂家", "Vendor"),
        ),
        event("driver_failed", "驱动故障", "Driver failed", text("detail", "详情", "Detail")),
    ),
)
