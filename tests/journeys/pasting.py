"""Commands of a document, run in a shell as somebody pastes them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.house.tree import ROOT


def paste(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run `script` in `folder`, with `forebear` and `python` of this installation, and no setting of whoever tests."""
    for name, words in (("forebear", "-m registry.cli"), ("python", "")):
        (folder / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n')
        (folder / name).chmod(0o755)
    around = {name: value for name, value in os.environ.items() if not name.startswith("FOREBEAR_")} | {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "FOREBEAR_THREADS": "1",
    }
    done = subprocess.run(
        ["/bin/sh", "-eu", "-c", script], cwd=folder, env=around, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done
