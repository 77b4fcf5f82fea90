"""A stand-in for the worker: what it does is in the name of its step. It writes what it saw beside its log."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("step")
    parser.add_argument("--home", type=Path)
    given = parser.parse_args()
    folder = given.home / "work" / given.step
    print("hello from", given.step, flush=True)
    if given.step == "step-quick":
        (folder / "done").write_text("yes")
        return 0
    if given.step == "step-broken":
        raise RuntimeError("this worker is broken")
    if given.step == "step-stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child = subprocess.Popen([sys.executable, "-c", STUBBORN_CHILD])
        (folder / "child").write_text(str(child.pid))
    (folder / "session").write_text(f"{os.getpid()} {os.getsid(0)}")
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        (folder / "interrupted").write_text("yes")
        return 130
    return 0


STUBBORN_CHILD = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
time.sleep(60)
"""

if __name__ == "__main__":
    sys.exit(main())
