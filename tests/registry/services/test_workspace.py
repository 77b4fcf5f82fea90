"""Work in progress: private, gone afterwards, and swept when its process was killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from registry.services.workspace import workspace


def test_a_workspace_is_gone_afterwards_whatever_happens(tmp_path: Path) -> None:
    with workspace(tmp_path, "import") as work:
        (work / "half").write_text("done")
        assert work.stat().st_mode & 0o077 == 0, "nobody else may look"
    with pytest.raises(ZeroDivisionError), workspace(tmp_path, "data") as other:
        (other / "half").write_text(str(1 / 0))
    assert list((tmp_path / "work").iterdir()) == []


def test_what_a_killed_process_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left = tmp_path / "work" / f"import-{gone.pid}-abc"  # as versions before wrote it, without a lock
    step = tmp_path / "work" / "step-01"
    for folder in (left, step):
        folder.mkdir(parents=True)
    with workspace(tmp_path, "upload") as one, workspace(tmp_path, "upload") as two:
        assert one.is_dir()
        assert two.is_dir()
    assert list((tmp_path / "work").iterdir()) == [step]
