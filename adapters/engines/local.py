"""The engine of this machine: runs the worker of a step as a detached process.

The worker is `python -m registry.worker STEP --home HOME`. What it prints goes to `HOME/work/STEP/worker.log`. It leads
a session of its own, so it outlives whoever started it, and stopping it stops all that it started. With `seconds`, a
worker leaves a fork server behind, from which the next one is forked (`fork_server`).
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from adapters.engines.asking import forked, is_possible, socket_of
from adapters.engines.commands import WORKER, leaving_fork_server, worker_command
from adapters.engines.gpus import count_gpus
from adapters.engines.processes import Worker, born_at, here, recall, remember
from registry.domain.recipes.recipe import Resources
from registry.errors import StepStateError, UnavailableError, UsageError
from registry.folders import error_of_disk

GRACE_SECONDS = 10.0
"""Seconds between asking a worker to end and killing it."""
WARM_SECONDS = "FOREBEAR_WARM_SECONDS"
"""The environment variable that says how long a fork server waits for the next step."""
_DEFAULT_SECONDS = 300
LOG_BYTES = 1024**2
"""Bytes of the end of a log that are returned."""
_POLL_SECONDS = 0.05
_STEP = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


@dataclass(frozen=True, slots=True)
class Local:
    """Implements `Engine`. It knows nothing of workers that other machines started on a shared registry folder."""

    module: str = WORKER
    grace: float = GRACE_SECONDS
    seconds: float = field(default_factory=lambda: _seconds(os.environ.get(WARM_SECONDS)))
    """How long a fork server waits for the next step; 0: none is left, and every worker starts from scratch."""
    name = "local"

    def grant(self, needs: Resources) -> Resources:
        """All threads that we may use, unless fewer are asked for. Raises: UnavailableError for GPUs we do not have."""
        if needs.gpus and needs.gpus > (there := count_gpus()):
            raise UnavailableError(
                f"'resources.gpus' is {needs.gpus}, and this machine has {there or 'no'} GPU{'s' * (there > 1)}",
                remedy="Ask for fewer, or run the recipe on a cluster: --engine ray",
                facts={"asked": needs.gpus, "there": there},
            )
        return needs if needs.cpus else replace(needs, cpus=len(os.sched_getaffinity(0)))

    def start(self, step_id: str, home: Path, needs: Resources, *, adapter: str = "") -> None:
        """Start the worker and return at once. Raises: StepStateError, UnavailableError."""
        command = worker_command(sys.executable, step_id, home, needs, module=self.module, stay=self.seconds)
        try:
            folder = _folder(step_id, home)
            with _only_one(folder, step_id), (folder / "worker.log").open("ab") as log:
                if self.alive(step_id, home):
                    raise StepStateError(f"{step_id} has a worker already", remedy="Wait for it, or cancel the step")
                if self.seconds and needs.gpus <= 1 and is_possible():
                    place = socket_of(home, self.module, adapter)
                    if _fork(command, place, log, _pid_file(step_id, home)):
                        return
                    place.parent.mkdir(mode=0o700, exist_ok=True)
                    command = leaving_fork_server(command, place, adapter, self.seconds)
                _spawn(command, log, _pid_file(step_id, home))
        except OSError as error:
            raise error_of_disk(error, f"The worker of {step_id} does not start") from error

    def wait(self, step_id: str, home: Path) -> None:
        """Wait until the worker has ended. SIGINT and SIGTERM are passed on to it, and obeyed once it has ended."""
        worker = self._near(step_id, home)
        if worker is None:
            return
        with _passing_on(worker.pid):
            while worker.runs():
                time.sleep(_POLL_SECONDS)

    def alive(self, step_id: str, home: Path) -> bool | None:
        """Whether the worker runs; None if none was started on this machine."""
        worker = self._near(step_id, home)
        return None if worker is None else worker.runs()

    def stop(self, step_id: str, home: Path) -> bool:
        """End the worker and everything it started; True when there was one."""
        worker = self._near(step_id, home)
        if worker is None or not worker.runs():
            return False
        worker.end(grace=self.grace)
        _pid_file(step_id, home).unlink(missing_ok=True)
        return True

    def log(self, step_id: str, home: Path) -> str:
        """The end of what the workers of the step have written; empty when none ever ran, or it was cancelled."""
        try:
            with (home / "work" / _checked(step_id) / "worker.log").open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - LOG_BYTES))
                return log.read().decode(errors="replace")
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise error_of_disk(error, f"The log of {step_id} cannot be read") from error

    def _near(self, step_id: str, home: Path) -> Worker | None:
        worker = recall(_pid_file(step_id, home))
        return worker if worker is not None and worker.is_near else None


def _fork(command: Sequence[str], place: Path, log: BinaryIO, note: Path) -> bool:
    """Have the worker forked by the fork server at `place`; False when there is none."""
    python, safe_path, option, module, *words = command
    with forked(place, [python, safe_path, option, module], words, log.fileno()) as worker:
        born = None if worker is None else born_at(worker.pid)
        if worker is None or born is None:
            return False
        try:
            remember(Worker(worker.pid, born, here()), note)
            worker.go()
        except OSError:  # it has ended, or ends now with the connection
            return False
        return True


def _spawn(command: Sequence[str], log: BinaryIO, note: Path) -> None:
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    _write_down(process, note)
    _reap_later(process)


def _reap_later(process: subprocess.Popen[bytes]) -> None:
    """Collect the worker when it ends, or it would stay a zombie for as long as a server runs."""
    threading.Thread(target=process.wait, name=f"worker {process.pid}", daemon=True).start()


def _seconds(setting: str | None) -> float:
    if not setting:
        return _DEFAULT_SECONDS
    if not setting.isdecimal():
        raise UsageError(f"{WARM_SECONDS} must be a whole number, not {setting!r}", remedy="Change or unset it")
    return int(setting)


def _checked(step_id: str) -> str:
    if not _STEP.fullmatch(step_id):
        raise UsageError(f"{step_id[:80]!r} is not the id of a step")
    return step_id


def _folder(step_id: str, home: Path) -> Path:
    folder = home / "work" / _checked(step_id)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise error_of_disk(error, f"The folder of {step_id} cannot be made") from error
    return folder


def _write_down(process: subprocess.Popen[bytes], place: Path) -> None:
    """Write down the worker's process; end it if that fails, or a second worker could be started beside it."""
    born = born_at(process.pid)
    if born is None:
        return
    worker = Worker(process.pid, born, here())
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
    """Keep two commands from starting a worker for the same step at once."""
    from filelock import FileLock, Timeout  # noqa: PLC0415 - it imports asyncio, which looking at a worker does not need

    lock = FileLock(folder / "worker.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise StepStateError(f"{step_id} is being started already", remedy="Wait for it") from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _passing_on(pid: int) -> Iterator[None]:
    """While the worker runs, pass SIGINT and SIGTERM on to it."""
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
