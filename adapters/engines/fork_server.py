"""Starts a worker, and leaves a process behind from which the next one is forked, with its libraries loaded.

`python -m adapters.engines.fork_server --socket S --adapter NAME --seconds N MODULE WORD…` imports MODULE and the
adapter, forks the fork server, and then runs MODULE as `python -m MODULE WORD…` would. The fork server has imported
and nothing else: it never opens a database, computes or reads a step, so what one step does cannot reach the next. It
listens at S, forks a worker for each request, and ends after N seconds without one, when a file that it imported has
changed, or when S was removed. `asking` is the other side. Linux only.

Forking is safe only in a process with one thread that has not touched a GPU: where importing the adapter started
threads or opened a GPU, no fork server is left. OpenBLAS ends its threads before a fork by itself.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import fcntl
import gc
import importlib
import json
import os
import signal
import socket
import struct
import sys
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from adapters.engines.asking import FEW_BYTES, GO, PRIVATE, at_folder

LOOK_SECONDS = 2.0
"""Seconds after which the fork server sees that its socket was removed."""
ANSWER_SECONDS = 5.0
"""Seconds within which someone who connected must say what they want."""
_LOADED_BY_STEPS = ("filelock", "yaml", "PIL.PngImagePlugin", "PIL.JpegImagePlugin", "torch.utils.flop_counter")
"""What nearly every step imports while it runs."""
_GPU = ("/dev/nvidia", "/dev/kfd", "/dev/dri")
Files = Mapping[str, tuple[int, int]]


def main() -> int:
    """Run the worker that the command line names, or in a process forked later the one that the request names."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--socket", type=Path, required=True)
    parser.add_argument("--adapter", required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("module")
    parser.add_argument("words", nargs=argparse.REMAINDER)
    given = parser.parse_args()
    words: Sequence[str] = given.words
    worker = importlib.import_module(given.module)
    if _load(given.adapter):
        words = _leave(given.socket, given.adapter, given.seconds) or words
    sys.argv = [given.module, *words]
    return int(worker.main())


def _load(adapter: str) -> bool:
    """Import the adapter; True when the process may be forked afterwards."""
    for name in ("numpy", "scipy.linalg"):  # both start the threads of an OpenBLAS
        importlib.import_module(name)
    before = _threads()
    try:
        for point in entry_points(group="forebear.transfers", name=adapter):
            point.load()
    except Exception:  # noqa: BLE001 -- the worker meets the same error, and reports it
        return False
    for name in _LOADED_BY_STEPS:
        if name.partition(".")[0] in sys.modules or name == "filelock":
            importlib.import_module(name)
    return _threads() == before and not _holds_gpu()


def _threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


def _holds_gpu() -> bool:
    for descriptor in list(Path("/proc/self/fd").iterdir()):
        with contextlib.suppress(OSError):  # that of this very listing
            if str(descriptor.readlink()).startswith(_GPU):
                return True
    return False


def _leave(place: Path, adapter: str, seconds: float) -> Sequence[str] | None:
    """Fork the fork server. Returns None here, and the words of a worker in each process that it forks."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return None
    os.setsid()
    if os.fork():  # the fork server is no child of the worker, which might wait for its children
        os._exit(0)
    try:
        return _serve(place, adapter, seconds)
    except OSError as error:
        sys.stderr.write(f"The fork server ends: {error}\n")
        sys.stderr.flush()
        os._exit(1)


def _serve(place: Path, adapter: str, seconds: float) -> Sequence[str]:
    """Fork a worker for each request and return in it. Ends the process when it is not needed any more."""
    os.chdir("/")  # or the folder of the first command could not be unmounted; each worker goes to that of its own
    _quiet(place.with_suffix(".log"))
    lock = os.open(place.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # a POSIX lock: no forked process inherits it
    except OSError:
        os._exit(0)  # another worker has just left one
    _retitle(["forebear fork server", adapter])
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system collects workers that have ended
    files = _imported()
    gc.collect()
    gc.freeze()  # or the first collection in each worker would copy all that it shares with this process
    listener = _listen(place)
    inode, last = place.stat().st_ino, time.monotonic()
    while time.monotonic() < last + seconds and _inode(place) == inode:
        listener.settimeout(LOOK_SECONDS)
        try:
            asker, _ = listener.accept()
        except TimeoutError:
            continue
        with asker:
            if _imported() != files:
                break
            words = _answer(asker)
        if words is not None:
            listener.close()
            os.close(lock)
            return words
        last = time.monotonic()
    if _inode(place) == inode:
        place.unlink(missing_ok=True)
    os._exit(0)


def _quiet(log: Path) -> None:
    """No input, and what is printed goes to `log`: the files of whoever started us are not ours to keep open."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    os.close(nothing)
    os.close(output)


def _listen(place: Path) -> socket.socket:
    """A socket at `place`, only for its owner. It gets its name when it listens; one left by a killed process goes."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    draft = place.with_suffix(".new")
    draft.unlink(missing_ok=True)
    before = os.umask(0o177)
    try:
        with at_folder(draft) as address:
            listener.bind(address)
    finally:
        os.umask(before)
    listener.listen(8)
    draft.rename(place)
    return listener


def _inode(place: Path) -> int | None:
    try:
        return place.stat().st_ino
    except OSError:
        return None


def _imported() -> Files:
    """The size and time of every file that a module came from."""
    files: dict[str, tuple[int, int]] = {}
    for module in list(sys.modules.values()):
        name = getattr(module, "__file__", None)
        if isinstance(name, str):
            try:
                found = os.stat(name)  # noqa: PTH116 -- thousands of files: a Path for each takes longer than the look
                files[name] = (found.st_size, found.st_mtime_ns)
            except OSError:
                files[name] = (-1, -1)
    return files


def _answer(asker: socket.socket) -> Sequence[str] | None:
    """Fork a worker for the request of `asker`. Returns None in the fork server, and its words in the worker."""
    asker.settimeout(ANSWER_SECONDS)
    try:
        _, user, _ = struct.unpack("3i", asker.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
        if user != os.geteuid():
            return None
        message, descriptors, _, _ = socket.recv_fds(asker, FEW_BYTES, 1)
    except OSError:
        return None
    try:
        if len(descriptors) != 1 or os.fork():
            return None
        return _become_worker(message, descriptors[0], asker)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _become_worker(message: bytes, log: int, asker: socket.socket) -> Sequence[str]:
    """Take over what the request says and wait until the asker has written down this process; else end it."""
    try:
        request: Any = json.loads(message)
        words = [str(word) for word in request["words"]]
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.dup2(log, 1)
        os.dup2(log, 2)
        for name in [name for name in os.environ if PRIVATE.fullmatch(name)]:
            del os.environ[name]
        os.environ.update(request["environment"])
        os.chdir(request["folder"])
        sys.modules["numpy"].random.seed()  # Python's own generator is seeded anew by every fork
        _retitle([*request["command"], *words])
        asker.send(json.dumps({"process": os.getpid()}).encode())
        if asker.recv(FEW_BYTES) == GO:
            sys.stderr.write(f"Forked from process {os.getppid()}, which had the libraries loaded\n")
            return words
    except Exception as error:  # noqa: BLE001 -- whatever it is, the worker is started from scratch
        sys.stderr.write(f"The worker was not forked: {error!r}\n")
        sys.stderr.flush()
    os._exit(1)


def _retitle(words: Sequence[str]) -> None:
    """Show `words` as the command line of this process, where `ps` would show that of the process it was forked from.

    They are written over the old ones (fields 48 and 49 of /proc/self/stat, proc(5)), and cut where these ended.
    """
    fields = Path("/proc/self/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    start, room = int(fields[45]), int(fields[46]) - int(fields[45])
    text = b"\0".join(os.fsencode(word) for word in words)[: room - 1]
    ctypes.memset(start, 0, room)
    ctypes.memmove(start, text, len(text))


if __name__ == "__main__":
    sys.exit(main())
