"""The variables of processes that can import timm.

The tests themselves cannot: timm needs a torchvision, and beside one that was built for another torch transformers does
not import.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

INSTALLED = Path(sys.prefix) / "timm"
"""Where `make setup` puts timm and torchvision (requirements-timm.lock)."""
_DECLARED = Path(__file__).parent / "without_cuda"


def environment() -> dict[str, str]:
    """PYTHONPATH with both folders. Raises: FileNotFoundError where timm is not installed."""
    if not INSTALLED.is_dir():
        raise FileNotFoundError(f"{INSTALLED} is missing: run make setup")
    paths = (str(_DECLARED), str(INSTALLED), os.environ.get("PYTHONPATH", ""))
    return {"PYTHONPATH": os.pathsep.join(path for path in paths if path)}
