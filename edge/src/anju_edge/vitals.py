"""How this box itself is: read from /proc, told as the gateway's own reading."""

import shutil
from pathlib import Path

_STAT = Path("/proc/stat")
_MEMORY = Path("/proc/meminfo")


class Vitals:
    """Measures the box; the share of processor time is taken between two calls."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._before = _processor_ticks()

    def cpu_percent(self) -> float:
        """Give the share of all processors' time that was used since the last call."""
        busy, total = _processor_ticks()
        busy_before, total_before = self._before
        self._before = busy, total
        passed = total - total_before
        if passed <= 0:
            return 0.0
        # Linux takes waiting time back now and then: a share may come out under 0 or over 1.
        return round(100.0 * min(max((busy - busy_before) / passed, 0.0), 1.0), 1)

    def memory_percent(self) -> float:
        """Give the share of memory that is not available."""
        facts = {
            name: float(rest.split()[0])
            for name, _, rest in (line.partition(":") for line in _MEMORY.read_text().splitlines())
            if rest
        }
        return round(100.0 * (1 - facts["MemAvailable"] / facts["MemTotal"]), 1)

    def disk_percent(self) -> float:
        """Give how full the disk is on which the spool stands."""
        usage = shutil.disk_usage(self._data_dir)
        return round(100.0 * usage.used / usage.total, 1)


def _processor_ticks() -> tuple[int, int]:
    """Give (busy, all) ticks since the machine started."""
    line = _STAT.read_text().split("\n", 1)[0]
    user, nice, system, idle, iowait, *rest = [int(n) for n in line.split()[1:9]]
    total = user + nice + system + idle + iowait + sum(rest)
    return total - idle - iowait, total
