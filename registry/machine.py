"""A description of this machine for provenance manifests, and the memory that is free."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def this_machine() -> dict[str, str]:
    """Architecture, processor and number of cores: `{"machine": "x86_64", "cpu": "…", "cores": "8"}`."""
    return {"machine": platform.machine(), "cpu": _cpu_name(), "cores": str(os.cpu_count() or 1)}


def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def free_memory() -> int | None:
    """Bytes that a process can have without swapping (`MemAvailable` of Linux); None where the system does not say."""
    info = Path("/proc/meminfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return None
