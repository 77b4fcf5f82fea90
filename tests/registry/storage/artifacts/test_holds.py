"""Publications in progress are seen by other processes, and those of killed ones are forgotten."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from lineage import Digest
from registry.storage.artifacts.blobs import FolderBlobs
from registry.storage.artifacts.holds import Holds

HOLDER = """
import sys
from pathlib import Path
from registry.storage.artifacts.holds import Holds
with Holds(Path(sys.argv[1])).hold():
    print("held", flush=True)
    sys.stdin.read()
"""


def age(root: Path, seconds: float) -> None:
    """As if every hold had begun so long ago."""
    then = time.time() - seconds
    for path in (root / "holds").iterdir():
        os.utime(path, (then, then))


def test_a_hold_of_another_process_counts_until_it_is_killed(tmp_path: Path) -> None:
    holds = Holds(tmp_path)
    words = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        age(tmp_path, 7200)
        assert time.time() - holds.oldest() > 7000
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert time.time() - holds.oldest() < 60
    assert not list((tmp_path / "holds").iterdir())


def test_an_ended_hold_leaves_nothing(tmp_path: Path) -> None:
    with Holds(tmp_path).hold():
        assert len(list((tmp_path / "holds").iterdir())) == 1
    assert not list((tmp_path / "holds").iterdir())


def test_a_blob_that_is_put_again_while_it_is_discarded_stays(tmp_path: Path) -> None:
    """Two threads: one puts, one discards whatever was put before its own moment. What was put last is there."""
    blobs, digest, stop = FolderBlobs(tmp_path), Digest.of(b"weights"), threading.Event()
    blobs.put(io.BytesIO(b"weights"))

    def collect() -> None:
        while not stop.is_set():
            blobs.discard(digest, before=blobs.moment())

    thread = threading.Thread(target=collect)
    thread.start()
    try:
        for _ in range(100):
            with blobs.holding() as held:
                held.put(io.BytesIO(b"weights"))
                time.sleep(0.002)
                assert blobs.exists(digest)
    finally:
        stop.set()
        thread.join()
