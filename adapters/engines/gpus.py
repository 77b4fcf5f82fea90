"""How many NVIDIA GPUs a process of this machine may use, found out without any library."""

from __future__ import annotations

import os
import re
from pathlib import Path

_DEVICE = re.compile(r"nvidia\d+")


def count_gpus(devices: Path = Path("/dev")) -> int:
    """The device files that the driver made, or those of them that CUDA_VISIBLE_DEVICES names (up to a wrong name)."""
    there = sum(1 for file in devices.iterdir() if _DEVICE.fullmatch(file.name))
    allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if allowed is None:
        return there
    named = [word.strip() for word in allowed.split(",")]
    end = next((place for place, word in enumerate(named) if not word or word.startswith("-")), len(named))
    return min(there, end)
