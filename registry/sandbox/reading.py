"""`python -m registry.sandbox.reading`: loads the libraries once, and forks a confined process for each dataset.

Started by `registry.sandbox.readers`. A request is a line on standard input; when its process has ended, a line on
standard output says how. This process itself reads no dataset, so that what one dataset does cannot reach the next.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import sys
import tempfile
import traceback
from contextlib import suppress
from importlib.metadata import entry_points
from pathlib import Path
from typing import cast

from registry.domain.data.rows import index_lines
from registry.domain.data.splits import summarise
from registry.errors import AdapterError, NoSpaceError, RegistryError
from registry.ports.data import DataListing, DataSource, DataSummary
from registry.sandbox.archives import ENDINGS, is_folder_archive, unpack
from registry.sandbox.confining import die_with_parent, leave_network, set_limits
from registry.sandbox.data_wire import INDEX, NOT_LOADED, SIDE, DataRequest, encode_summary, encode_thumbnails
from registry.sandbox.wire import ANSWER, NO_ROOM, is_full

_IDLE_SECONDS = 300
"""After so long without a request the process ends, and gives its memory back."""


def main() -> None:
    """Answer requests until standard input is closed or nothing came for a while."""
    kind = _load()
    gc.freeze()  # what is loaded stays: no collection in a forked process looks at it
    while (line := _next_line()) is not None:
        ended, open_in_child = os.pipe()
        pid = os.fork()
        if pid == 0:
            _read_and_exit(kind, DataRequest.decode(line))
        os.close(open_in_child)
        readable, _, _ = select.select([0, ended], [], [])
        if 0 in readable:  # whoever asked has died: nothing else comes before the answer
            os.kill(pid, signal.SIGKILL)
            return
        os.close(ended)
        _, status, usage = os.wait4(pid, 0)
        report = {
            "code": os.waitstatus_to_exitcode(status),
            "peak": usage.ru_maxrss * 1024,
            "seconds": usage.ru_utime + usage.ru_stime,
        }
        os.write(1, json.dumps(report).encode() + b"\n")


def _load() -> type[DataSource] | Exception:
    try:
        (point,) = entry_points(group="forebear.datasets", name="dvc")
        return cast("type[DataSource]", point.load())
    except Exception as error:  # noqa: BLE001 -- foreign code may fail in any way; each request is answered with it
        return error


def _next_line() -> str | None:
    line = b""
    while not line.endswith(b"\n"):
        if not select.select([0], [], [], _IDLE_SECONDS)[0]:
            return None
        part = os.read(0, 1 << 16)
        if not part:
            return None
        line += part
    return line.decode()


def _read_and_exit(kind: type[DataSource] | Exception, request: DataRequest) -> None:
    """Do what `request` says in this forked process, and end it."""
    code = 1
    try:
        answer = _answer(kind, request)
        (request.scratch / ANSWER).write_text(answer, encoding="utf-8")
        code = 0
    except BaseException as error:  # noqa: BLE001 -- the fork of a process that goes on must never return
        code = NO_ROOM if is_full(error) else code
        with suppress(OSError):  # its output is a file, for which there may be no room
            traceback.print_exc()
    finally:
        with suppress(OSError):
            sys.stderr.flush()
        os._exit(code)


def _answer(kind: type[DataSource] | Exception, request: DataRequest) -> str:
    nothing = os.open(os.devnull, os.O_RDONLY)
    complaints = os.open(request.scratch / "stderr", os.O_WRONLY | os.O_CREAT, 0o600)
    for opened, target in ((nothing, 0), (complaints, 1), (complaints, 2)):
        os.dup2(opened, target)
    tempfile.tempdir = str(request.scratch)
    try:
        set_limits(memory=request.memory, seconds=request.seconds, largest_file=request.largest_file)
        notes = leave_network()
        die_with_parent()
        if isinstance(kind, Exception):
            raise AdapterError(f"The data source does not import: {kind!r}", facts={NOT_LOADED: True})
        reader = kind()
        if request.shown is not None:
            return encode_thumbnails(reader.thumbnails(request.source, request.shown, SIDE))
        source = _opened(request)
        listing = reader.read(
            source,
            request.how,
            staging=request.staging,
            cache=request.cache,
            limits=request.limits,
            fetched=request.fetched,
        )
        if source != request.source:
            notes = (f"opened the archive {request.source.name}", *notes)
        return encode_summary(_summary(listing, reader.name, notes, request))
    except RegistryError as error:
        return encode_summary(error)
    except MemoryError:
        return encode_summary(request.limits.memory_refusal(request.memory))
    except Exception as error:  # noqa: BLE001 -- the end of the process: every failure becomes an answer
        traceback.print_exc()
        if is_full(error):
            return encode_summary(NoSpaceError("The disk is full; nothing of the data was kept"))
        return encode_summary(AdapterError(f"The data cannot be read: {type(error).__name__}: {error}"[:500]))


def _opened(request: DataRequest) -> Path:
    """The source, or the folder that was packed as it. Raises: BadArtifactError, UnsafeArtifactError."""
    if not request.source.name.lower().endswith(ENDINGS) or not is_folder_archive(request.source):
        return request.source
    return unpack(request.source, request.unpacked, largest=request.largest_file, most=request.limits.files)


def _summary(listing: DataListing, name: str, notes: tuple[str, ...], request: DataRequest) -> DataSummary:
    with (request.scratch / INDEX).open("wb") as index:
        index.writelines(index_lines(listing.rows))
    return DataSummary(
        root=listing.root,
        format=listing.format,
        modality=listing.modality,
        files=listing.files,
        index=request.scratch / INDEX,
        rows=len(listing.rows),
        splits=summarise(listing.rows, request.how.labels),
        split=listing.split,
        dvc=listing.dvc,
        adapter=name,
        notes=(*listing.notes, *notes),
        libraries=listing.libraries,
    )


if __name__ == "__main__":
    main()
