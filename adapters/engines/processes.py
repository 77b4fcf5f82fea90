"""Worker processes of this machine, identified by process number and start time, as numbers are reused.

Beside a running worker lies `work/STEP/worker.pid`: its process number, its start time (clock ticks since boot,
field 22 of /proc/PID/stat, proc(5); on other systems as `ps` prints it), and the machine and PID namespace. psutil's
`create_time` is not used, as on Linux it changes when the system clock is set.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from registry.files import write_whole

_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Worker:
    """A process that was started for a step. `born` tells it from a later process with the same number."""

    pid: int
    born: str

    place: str = ""
    """Where it was started, as `here` says it; empty in files of older versions, which knew one machine only."""

    @property
    def is_near(self) -> bool:
        """True when its number belongs to this machine and namespace."""
        return self.place in {"", here()}

    def runs(self) -> bool:
        """True while the same process runs and is not a zombie. Only valid for a worker that is near."""
        return born_at(self.pid) == self.born

    def end(self, *, grace: float) -> None:
        """Ask its whole group to end, and after `grace` seconds kill what is left of it."""
        if not self.runs():
            return
        self._signal(signal.SIGTERM)
        self._gone_within(grace)
        # The leader may have left children behind; its number is not given away while its group lives.
        self._signal(signal.SIGKILL)
        self._gone_within(grace)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def _gone_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.runs():
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True


def here() -> str:
    """The machine and its PID namespace, as containers may share a registry folder."""
    namespace = Path("/proc/self/ns/pid")
    return f"{socket.gethostname()} {namespace.readlink() if namespace.is_symlink() else ''}".strip()


def born_at(pid: int) -> str | None:
    """When the process started, in whatever unit its system has; None when it does not run (or is a zombie)."""
    stat = Path(f"/proc/{pid}/stat")
    if not Path("/proc/self/stat").exists():
        return born_by_ps(pid)
    try:
        # The second field is the name in brackets, which may hold anything: count from the last bracket.
        fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, start = fields[0], fields[19]
    return None if state in {"Z", "X"} else start


def born_by_ps(pid: int) -> str | None:
    """The same, asked of `ps`."""
    answer = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)],  # noqa: S607 - ps is wherever the system keeps it
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LC_ALL": "C"},
    )
    state, _, start = answer.stdout.strip().partition(" ")
    return None if not state or state.startswith("Z") else start.strip()


def remember(worker: Worker, place: Path) -> None:
    """Write the process down."""
    write_whole(place, json.dumps({"pid": worker.pid, "born": worker.born, "place": worker.place}).encode())


def recall(place: Path) -> Worker | None:
    """The process that was written down, whether or not it still runs; None where nothing readable was."""
    try:
        record = json.loads(place.read_text(encoding="utf-8"))
        return Worker(int(record["pid"]), str(record["born"]), str(record.get("place", "")))
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError, AttributeError):
        return None
