"""On a disk that is nearly full reading goes on; what cannot be written is refused and gives its space back."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.journeys.full_disk import OPERATIONS, prepare

pytestmark = pytest.mark.journey

LEVELS = (1, 50, 80, 90, 95, 99, 100)
QUICK = ("use-token", "tag")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-rm", "true"], check=False).returncode:
        pytest.skip("this kernel gives no mount namespaces")
    folder = tmp_path_factory.mktemp("full-disk")
    prepare(folder)
    return folder


def replay(prepared: Path, scratch: Path, operations: tuple[str, ...], levels: tuple[int, ...]) -> Counter[str]:
    """How many cases ended how; all must have ended well."""
    words = [str(prepared), str(scratch), ",".join(operations), ",".join(map(str, levels))]
    done = subprocess.run(
        ["unshare", "-rm", sys.executable, "-m", "tests.journeys.full_disk", *words],
        env={**os.environ, "TMPDIR": str(scratch)},
        capture_output=True,
        text=True,
        check=False,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    cases = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(cases) == len(operations) * len(levels)
    return Counter(outcome for _, _, outcome in cases)


def test_on_a_full_disk_a_token_reads_and_a_tag_is_refused(prepared: Path, tmp_path: Path) -> None:
    assert replay(prepared, tmp_path, QUICK, (100,)) == {"done": 1, "no-space": 1}


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_every_operation_is_done_or_refused_at_every_level_of_the_disk(prepared: Path, tmp_path: Path) -> None:
    found = replay(prepared, tmp_path, tuple(OPERATIONS), LEVELS)
    assert found.keys() == {"done", "no-space"}
    assert sum(found.values()) >= 42
