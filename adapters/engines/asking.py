"""Asks a fork server for a worker, if one listens that was started under the same conditions.

A forked worker inherits from the fork server what a started one inherits from whoever starts it. So the name of the
socket is a digest of all that is inherited; where anything differs (an environment variable, a limit, a control group,
a namespace), there is no such socket, and the worker is started from scratch. `PRIVATE` variables and the working
directory are sent along instead.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import resource
import socket
import struct
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from adapters.engines.processes import here

FOLDER = "fork-servers"
"""The folder of the sockets, in a registry folder."""
PRIVATE = re.compile(r"FOREBEAR_\w+|PWD|OLDPWD|SHLVL|_")
"""Environment variables that no library reads when it is imported, and that differ from command to command."""
FEW_BYTES = 256 * 1024
"""Largest message."""
GO = b"go"
_WAIT_SECONDS = 5.0
_INHERITED = re.compile(r"(?:Uid|Gid|Groups|Umask|Cap\w+|NoNewPrivs|Seccomp\w*|SigIgn|Mems_allowed):.*")


def is_possible() -> bool:
    """Fork servers need Linux's sockets and /proc."""
    return sys.platform == "linux"


def socket_of(home: Path, module: str, adapter: str) -> Path:
    """The socket of the fork server from which a worker with `adapter` may be forked now."""
    return home.resolve() / FOLDER / f"{_conditions(module, adapter)}.sock"


class Forked:
    """A worker that was forked and waits: `go` lets it run; without it the process ends with the connection."""

    def __init__(self, connection: socket.socket, pid: int) -> None:
        self._connection = connection
        self.pid = pid

    def go(self) -> None:
        """Let it run."""
        self._connection.send(GO)


@contextmanager
def forked(place: Path, command: Sequence[str], words: Sequence[str], log: int) -> Iterator[Forked | None]:
    """A worker from the fork server at `place`, which writes to the file `log`; None when none answers.

    `command` and `words` are what `ps` shows of it, and `words` its arguments.
    """
    request = {
        "command": list(command),
        "words": list(words),
        "folder": str(Path.cwd()),
        "environment": {name: value for name, value in os.environ.items() if PRIVATE.fullmatch(name)},
    }
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        yield _ask(connection, place, json.dumps(request).encode(), log)


def _ask(connection: socket.socket, place: Path, request: bytes, log: int) -> Forked | None:
    connection.settimeout(_WAIT_SECONDS)
    try:
        with at_folder(place) as address:
            connection.connect(address)
        size = struct.calcsize("3i")
        _, user, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
        if user != os.geteuid():
            return None
        socket.send_fds(connection, [request], [log])
        answer = json.loads(connection.recv(FEW_BYTES))
        return Forked(connection, int(answer["process"]))
    except (OSError, ValueError):  # none listens, or it has just ended: the worker is started from scratch
        return None


@contextmanager
def at_folder(place: Path) -> Iterator[str]:
    """`place` as the address of a socket, which may have 107 bytes: through a descriptor of its folder."""
    folder = os.open(place.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{place.name}"
    finally:
        os.close(folder)


def _conditions(module: str, adapter: str) -> str:
    """A digest of everything that a worker inherits from whoever starts it."""
    status = Path("/proc/self/status").read_text(encoding="utf-8", errors="replace")
    environment = {name: value for name, value in os.environ.items() if not PRIVATE.fullmatch(name)}
    relative = any(not Path(part).is_absolute() for part in environment.get("PYTHONPATH", "/").split(os.pathsep))
    found = [
        module,
        adapter,
        sys.executable,
        sys.version,
        environment,
        str(Path.cwd()) if relative else "",
        here(),
        _INHERITED.findall(status),
        sorted(os.sched_getaffinity(0)),
        {name: resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name.startswith("RLIMIT_")},
        [os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0)],
        sorted(str(namespace.readlink()) for namespace in Path("/proc/self/ns").iterdir()),
        *(_read(f"/proc/self/{name}") for name in ("cgroup", "oom_score_adj", "attr/current")),
    ]
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _read(name: str) -> str:
    try:
        return Path(name).read_text(encoding="utf-8", errors="replace")
    except OSError:  # a kernel without it
        return ""
