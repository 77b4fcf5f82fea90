"""A stand-in for a worker that writes what it found, then changes all it can reach. Its step is in its name."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

CHANGED: int = 0


def main() -> int:
    global CHANGED  # noqa: PLW0603 -- what the next worker must not see
    step, home = sys.argv[1], Path(sys.argv[3])
    folder = home / "work" / step
    print("hello from", step, flush=True)
    numpy = sys.modules.get("numpy")
    parent = Path(f"/proc/{os.getppid()}/cmdline").read_bytes()
    status = Path("/proc/self/status").read_text().split("Threads:")[1].split()[0]
    seen: dict[str, object] = {
        "forked": os.getppid() if parent.startswith(b"forebear fork server") else 0,
        "pid": os.getpid(),
        "session": os.getsid(0),
        "group": os.getpgrp(),
        "title": [part.decode() for part in Path("/proc/self/cmdline").read_bytes().split(b"\0") if part],
        "changed": [os.environ.get("LEFT_BEHIND"), getattr(json, "left_behind", None), CHANGED],
        "drawn": [random.random(), float(numpy.random.random()) if numpy else 0.0],
        "folder": str(Path.cwd()),
        "device": os.environ.get("FOREBEAR_DEVICE"),
        "threads": int(status),
        "limits": {name: resource.getrlimit(getattr(resource, name)) for name in ("RLIMIT_AS", "RLIMIT_NOFILE")},
    }
    os.environ["LEFT_BEHIND"] = "yes"
    json.left_behind = True  # type: ignore[attr-defined] # as above
    CHANGED = 1
    random.seed(0)
    if numpy:
        numpy.random.seed(0)
    if step == "step-stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
        seen["child"] = subprocess.Popen([sys.executable, "-c", code]).pid
    draft = folder / "seen.draft"
    draft.write_text(json.dumps(seen))
    draft.rename(folder / "seen.json")
    if step in {"step-stubborn", "step-sleep"}:
        time.sleep(60)
    return 0


if __name__ == "__main__":
    sys.exit(main())
