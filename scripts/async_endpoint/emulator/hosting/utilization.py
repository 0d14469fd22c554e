"""CPU, memory and disk utilization of an instance's containers, for CloudWatch's instance metrics.

Source of the definitions: SageMaker developer guide, "SageMaker metrics in CloudWatch", endpoint instance metrics. Read from
/proc, so on Linux only; elsewhere no metric is published. Memory and disk are relative to this machine's totals.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_MEMORY = os.sysconf("SC_PHYS_PAGES") * _PAGE


class ResourceUsage:
    """One instance with its files in `folder`. CPU time is relative to real time: model code is not time-scaled."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._disk: float | None = None
        self._seen: tuple[float, float] | None = None  # real and CPU seconds at the last call

    def percent(self, pids: Iterable[int]) -> dict[str, float]:
        """CPUUtilization since the last call, MemoryUtilization and DiskUtilization; empty when no process can be read."""
        stats = [stat for pid in pids if (stat := _stat(pid)) is not None]
        if not stats:
            return {}
        now, used = time.monotonic(), sum(cpu for cpu, _ in stats)
        before, self._seen = self._seen, (now, used)
        found = {
            "MemoryUtilization": 100 * sum(memory for _, memory in stats) / _MEMORY,
            "DiskUtilization": self._disk_percent(),
        }
        if before is not None and now > before[0]:
            found["CPUUtilization"] = max(100 * (used - before[1]) / (now - before[0]), 0.0)
        return found

    def _disk_percent(self) -> float:
        """The size of the extracted model, computed once."""
        if self._disk is None:
            sizes = (path.lstat().st_size for path in self._folder.rglob("*"))
            self._disk = 100 * sum(sizes) / shutil.disk_usage(self._folder).total
        return self._disk


def _stat(pid: int) -> tuple[float, int] | None:
    """CPU seconds of a process and its ended children, and its resident bytes (proc(5), /proc/[pid]/stat)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return sum(map(int, fields[11:15])) / _TICKS, int(fields[21]) * _PAGE
