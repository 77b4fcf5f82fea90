"""Engines of this machine: the worker of a step as a process of its own, waited for or left to itself.

The worker is `python -m registry.worker STEP --home HOME`. What it prints goes to `HOME/work/STEP/worker.log`. It leads
a session of its own, so it outlives the command that started it, and stopping it stops all that it started.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from adapters.engines.processes import Worker, born_at, recall, remember
from registry.errors import StepStateError, UsageError, error_of_disk

GRACE_SECONDS = 10.0
"""Between asking a worker to end and killing it."""
_STEP = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


@dataclass(frozen=True, slots=True)
class _Local:
    module: str = "registry.worker"
    grace: float = GRACE_SECONDS

    def alive(self, step_id: str, home: Path) -> bool:
        """True while the worker of the step runs on this machine."""
        return recall(_pid_file(step_id, home)) is not None

    def stop(self, step_id: str, home: Path) -> bool:
        """End the worker and everything it started; True when there was one."""
        worker = recall(_pid_file(step_id, home))
        if worker is None:
            return False
        worker.end(grace=self.grace)
        _pid_file(step_id, home).unlink(missing_ok=True)
        return True

    def _launch(self, step_id: str, home: Path) -> subprocess.Popen[bytes]:
        # -P: a folder called registry where the command was typed must not be taken for ours.
        command = [sys.executable, "-P", "-m", self.module, step_id, "--home", str(home.resolve())]
        try:
            folder = _folder(step_id, home)
            with _only_one(folder, step_id), (folder / "worker.log").open("ab") as log:
                if self.alive(step_id, home):
                    raise StepStateError(f"{step_id} has a worker already", remedy="Wait for it, or cancel the step")
                process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
                )
                _write_down(process, _pid_file(step_id, home))
        except OSError as error:
            raise error_of_disk(error, f"the worker of {step_id} does not start") from error
        return process


@dataclass(frozen=True, slots=True)
class Foreground(_Local):
    """Waits for the worker. Ctrl-C and a request to end are passed on to it, and obeyed when it has ended."""

    name = "foreground"

    def start(self, step_id: str, home: Path) -> None:
        """Run the worker to its end; how the step went is in its row. Raises: StepStateError, UnavailableError."""
        process = self._launch(step_id, home)
        try:
            with _passing_on(process.pid):
                process.wait()
        except BaseException:
            Worker(process.pid, born_at(process.pid) or "").end(grace=self.grace)
            process.wait()
            raise
        finally:
            _pid_file(step_id, home).unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Background(_Local):
    """Leaves the worker to itself."""

    name = "background"

    def start(self, step_id: str, home: Path) -> None:
        """Start the worker and return at once. Raises: StepStateError, UnavailableError."""
        process = self._launch(step_id, home)
        _reap_later(process)


def _reap_later(process: subprocess.Popen[bytes]) -> None:
    """Collect the worker when it ends, or it would stay a zombie for as long as a server runs."""
    threading.Thread(target=process.wait, name=f"worker {process.pid}", daemon=True).start()


def _folder(step_id: str, home: Path) -> Path:
    if not _STEP.fullmatch(step_id):
        raise UsageError(f"{step_id[:80]!r} is not the id of a step")
    folder = home / "work" / step_id
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise error_of_disk(error, f"the folder of {step_id} cannot be made") from error
    return folder


def _write_down(process: subprocess.Popen[bytes], place: Path) -> None:
    """Remember the worker, or end it: nobody could find it again, and the next one would run beside it."""
    born = born_at(process.pid)
    if born is None:
        return
    worker = Worker(process.pid, born)
    try:
        remember(worker, place)
    except OSError:
        worker.end(grace=0)
        process.wait()
        raise


def _pid_file(step_id: str, home: Path) -> Path:
    return home / "work" / step_id / "worker.pid"


@contextmanager
def _only_one(folder: Path, step_id: str) -> Iterator[None]:
    """Two commands that start the same step at once must not both find it without a worker."""
    with (folder / "worker.lock").open("w", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StepStateError(f"{step_id} is being started already", remedy="Wait for it") from None
        yield


@contextmanager
def _passing_on(pid: int) -> Iterator[None]:
    """While the worker runs, hand it the signals that ask this process to end."""
    received: list[int] = []

    def pass_on(number: int, _frame: object) -> None:
        received.append(number)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, number)

    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may handle signals; a server's threads leave them to the server
        return
    before = {number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if received:
        signal.raise_signal(received[-1])
