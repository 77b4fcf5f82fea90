"""Starts the converting process, limits its time, and checks everything that it wrote."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from registry.errors import AdapterError, NoSpaceError, RegistryError, UnavailableError, UnsafeArtifactError
from registry.ports.importing import ConvertedSource
from registry.sandbox.confining import environment
from registry.sandbox.kept import settle
from registry.sandbox.wire import ANSWER, NO_ROOM, Request, decode_answer

ACCEPTED = (".safetensors", ".json", ".txt")
"""Files that a converted source may hold: none of them can be run."""
_SPARE = 256 * 1024 * 1024
_MEMORY, _TIMES_SIZE = 2 * 1024**3, 6
"""The default memory limit: bytes for the libraries, and how many times the source may lie in memory beside them."""
_ANSWER_LIMIT = 16 * 1024 * 1024


def convert_in_subprocess(
    source: Path,
    target: Path,
    *,
    architecture: str | None,
    pickles: bool,
    memory: int,
    seconds: int,
    owned: bool = False,
) -> ConvertedSource:
    """Convert `source` into the folder `target`, which is made, or empty.

    `memory` limits private memory in bytes (0: 2 GiB and six times the source), `seconds` its time.
    `pickles=False` refuses every pickle and archive unread. With `owned` nobody writes to the source, now or later:
    files that are kept as they are become links to the same bytes. On any error `target` is gone.

    Raises: BadArtifactError, UnsafeArtifactError, MisfitError, MissingExtraError, NoSpaceError as the importer says;
    UnavailableError when the process ran out of time or memory, AdapterError when it failed otherwise.
    """
    target.mkdir(parents=True, exist_ok=True)
    source, target = source.resolve(), target.resolve()
    size = _size(source)
    request = Request(
        source=str(source),
        target=str(target),
        architecture=architecture,
        pickles=pickles,
        memory=memory or _MEMORY + _TIMES_SIZE * size,
        seconds=seconds,
        largest_file=2 * size + _SPARE,
    )
    try:
        with tempfile.TemporaryDirectory(prefix="converting-", dir=target.parent) as scratch:
            _run(request, Path(scratch))
            converted = decode_answer(read_answer(Path(scratch)), target)
            settle(target, source, Path(scratch).resolve(), owned=owned)
        _check_target(target)
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise
    return converted


def _run(request: Request, scratch: Path) -> None:
    """Raises: UnavailableError when the process did not end in time, or was killed."""
    with (scratch / "stderr").open("wb") as complaints:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "registry.sandbox", str(scratch)],
            stdin=subprocess.PIPE,
            stdout=complaints,
            stderr=complaints,
            cwd=scratch,
            env=environment(scratch),
            start_new_session=True,
        )
        try:
            process.communicate(request.encode().encode() + b"\n", timeout=request.seconds)
        except subprocess.TimeoutExpired:
            raise UnavailableError(
                f"Converting took longer than {request.seconds} seconds", remedy="Raise FOREBEAR_IMPORT_SECONDS"
            ) from None
        finally:
            _end(process)
    if process.returncode < 0:
        raise _killed(-process.returncode, scratch)
    if process.returncode == NO_ROOM:
        raise NoSpaceError("The disk is full; nothing was kept", remedy="Free some space and try again")
    if process.returncode > 0:
        raise AdapterError(f"The converting process failed{tail(scratch)}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the process and everything that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _killed(number: int, scratch: Path) -> RegistryError:
    name = signal.Signals(number).name
    if number in {signal.SIGXCPU, signal.SIGKILL}:
        reason = "it ran out of processor time or memory"
    else:
        reason = "it crashed on this source"
    return UnavailableError(
        f"The converting process was ended by {name}: {reason}{tail(scratch)}",
        remedy="See FOREBEAR_IMPORT_MEMORY and FOREBEAR_IMPORT_SECONDS, or get the file again",
        facts={"signal": name},
    )


def tail(scratch: Path) -> str:
    """The end of the process's error output, for the message."""
    if not (scratch / "stderr").is_file():
        return ""
    with (scratch / "stderr").open("rb") as file:
        file.seek(max(0, (scratch / "stderr").stat().st_size - 4096))
        lines = file.read().decode(errors="replace").strip().splitlines()
    return f": {lines[-1][:500]}" if lines else ""


def read_answer(scratch: Path, *, limit: int = _ANSWER_LIMIT) -> str:
    """What the process wrote, checked before it is read. Raises: AdapterError."""
    path = scratch / ANSWER
    if path.is_symlink() or not path.is_file() or path.stat().st_size > limit:
        raise AdapterError(f"The process gave no answer{tail(scratch)}")
    return path.read_text(encoding="utf-8", errors="replace")


def _check_target(target: Path) -> None:
    """Take only plain files of accepted formats, whatever the child reports. Raises: UnsafeArtifactError."""
    files = 0
    for folder, folders, names in os.walk(target):
        for name in (*folders, *names):
            mode = (Path(folder) / name).lstat().st_mode
            if stat.S_ISDIR(mode):
                continue
            if not stat.S_ISREG(mode) or not name.endswith(ACCEPTED):
                raise UnsafeArtifactError(f"The converted source holds {name}, which is not of an accepted format")
            files += 1
    if not files:
        raise AdapterError("The converting process wrote nothing")


def _size(source: Path) -> int:
    """Bytes in `source`, to set how much may be written."""
    if not source.is_dir():
        return source.stat().st_size if source.exists() else 0
    return sum(p.stat().st_size for p in source.rglob("*") if p.is_file())
