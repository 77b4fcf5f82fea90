"""Reads datasets in processes of their own: each is forked from a process that has the libraries loaded already.

The first dataset of a command or server starts that process, and later ones find it waiting.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from registry.errors import AdapterError, NoSpaceError, RegistryError, TooLargeError
from registry.limits import DataLimits
from registry.ports.data import DataSummary, FetchedData, HowToRead
from registry.sandbox.archives import unpacked
from registry.sandbox.confining import environment
from registry.sandbox.data_wire import INDEX, DataRequest, decode_summary
from registry.sandbox.parent import read_answer, tail
from registry.sandbox.wire import NO_ROOM

AT_ONCE = 2
"""Datasets that one process has read at the same time; with the default memory limit, two thirds of the machine's."""
_NO_DATA = (".git", ".hg", ".dvc")
"""Folders that DVC leaves out of any dataset."""
_DEEPEST = 64
_ANSWER_LIMIT = 64 * 1024 * 1024
_turns = threading.BoundedSemaphore(AT_ONCE)


@dataclass(frozen=True, slots=True)
class Ended:
    """How the process of one dataset ended: its exit code (negative: the signal), largest memory and processor time."""

    code: int
    peak: int
    """Bytes."""
    seconds: float


@dataclass(slots=True)
class Reader:
    """One process that forks the process of each dataset that it is given, one after another."""

    owner: int = field(default_factory=os.getpid)
    process: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "registry.sandbox.reading"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env=environment(Path("/nonexistent")),  # each dataset has a folder of its own
            start_new_session=True,
            bufsize=0,
        )

    def run(self, request: DataRequest) -> Ended | None:
        """Have the dataset read; None when the process had ended before. Raises: TooLargeError, AdapterError."""
        assert self.process.stdin is not None  # noqa: S101 -- for mypy: both are pipes
        assert self.process.stdout is not None  # noqa: S101
        try:
            self.process.stdin.write(request.encode().encode() + b"\n")
        except BrokenPipeError:
            return None
        until, line = time.monotonic() + request.seconds, b""
        while not line.endswith(b"\n"):
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                raise request.limits.time_refusal(request.seconds)
            part = os.read(self.process.stdout.fileno(), 4096)
            if not part:
                raise AdapterError("The process that reads data ended without an answer", remedy="Try again")
            line += part
        return Ended(**json.loads(line))

    def end(self) -> None:
        """Kill the process and what it forked."""
        if self.owner == os.getpid():
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()


_idle: list[Reader] = []


def read_in_subprocess(
    source: Path,
    how: HowToRead,
    *,
    staging: Path,
    cache: Path,
    limits: DataLimits,
    fetched: FetchedData | None = None,
) -> DataSummary:
    """Read the dataset `source` as `DataSource.read` describes, in a process of its own within `limits`.

    What it gives lies in `staging`, a private folder that the caller removes. Raises: what `DataSource.read` raises;
    TooLargeError naming the limit on memory or time, AdapterError when the process failed otherwise.
    """
    request = request_for(source, how, staging=staging, cache=cache, limits=limits, fetched=fetched)
    return result(request, run(request))


def run(request: DataRequest) -> Ended:
    """Have the request answered, as soon as fewer than `AT_ONCE` others are."""
    with _turns:
        return _run(request)


def request_for(
    source: Path,
    how: HowToRead,
    *,
    staging: Path,
    cache: Path,
    limits: DataLimits,
    fetched: FetchedData | None = None,
) -> DataRequest:
    """The request to read `source`, with limits by the size of its files. Raises: TooLargeError for too many files."""
    size = _measure(source, limits)
    memory = limits.memory_for(size, _machine_memory())
    return DataRequest(
        source=source,
        staging=staging,
        cache=cache,
        scratch=Path(tempfile.mkdtemp(prefix="read-", dir=staging)),
        how=how,
        limits=limits,
        fetched=fetched,
        memory=memory,
        seconds=limits.seconds_for(size),
        largest_file=max(memory, 2 * size),
    )


def result(request: DataRequest, ended: Ended) -> DataSummary:
    """What the process that `ended` wrote. Raises: as `read_in_subprocess`."""
    answer = answer_of(request, ended)
    root = request.source.resolve() if request.source.is_dir() else request.source.parent
    if request.unpacked.is_dir():
        root = unpacked(request.unpacked)
    return decode_summary(answer, root=root, index=request.scratch / INDEX)


def answer_of(request: DataRequest, ended: Ended) -> str:
    """The answer of the process that `ended`. Raises: TooLargeError, NoSpaceError, AdapterError."""
    if ended.code < 0:
        raise _killed(request, -ended.code)
    if ended.code == NO_ROOM:
        raise NoSpaceError("The disk is full; nothing of the data was kept", remedy="Free some space and try again")
    if ended.code > 0:
        raise AdapterError(f"The process that reads the data failed{tail(request.scratch)}")
    return read_answer(request.scratch, limit=_ANSWER_LIMIT)


def _run(request: DataRequest) -> Ended:
    while True:
        reader = _take()
        try:
            ended = reader.run(request)
        except BaseException:
            reader.end()
            raise
        if ended is None:
            reader.end()
            continue
        _give_back(reader)
        return ended


def _take() -> Reader:
    while _idle:
        reader = _idle.pop()
        if reader.owner == os.getpid() and reader.process.poll() is None:
            return reader
        reader.end()
    return Reader()


def _give_back(reader: Reader) -> None:
    if _idle:
        reader.end()
    else:
        _idle.append(reader)


@atexit.register
def end_readers() -> None:
    """End the process that waits, if one does."""
    while _idle:
        _idle.pop().end()


def _killed(request: DataRequest, number: int) -> RegistryError:
    if number == signal.SIGXCPU:
        return request.limits.time_refusal(request.seconds)
    name = signal.Signals(number).name
    return TooLargeError(
        f"The process that reads the dataset was ended by {name}: it ran out of memory, or crashed on this data"
        f"{tail(request.scratch)}",
        remedy="Get the data again, or raise FOREBEAR_DATA_MEMORY where the registry runs",
        facts={"signal": name, "setting": "FOREBEAR_DATA_MEMORY"},
    )


def _measure(source: Path, limits: DataLimits) -> int:
    """Bytes of all files in the file or folder `source`. Raises: TooLargeError when they are too many, or too deep."""
    if not source.is_dir():
        return source.stat().st_size if source.exists() else 0
    size, count = 0, 0
    for folder, folders, names in os.walk(source):
        folders[:] = [name for name in folders if name not in _NO_DATA]
        count += len(folders) + len(names)
        limits.check_files(count)
        if folder.count(os.sep) - str(source).count(os.sep) > _DEEPEST:
            raise TooLargeError(f"The dataset has folders more than {_DEEPEST} deep", remedy="Move the files up")
        for name in names:
            with suppress(OSError):  # a link to nothing, which is refused when it is read
                size += (Path(folder) / name).stat().st_size
    return size


def _machine_memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
