"""A description of this machine for provenance manifests."""

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
