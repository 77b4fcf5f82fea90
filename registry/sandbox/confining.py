"""Confines a process that reads foreign bytes: its environment, its limits, no network, an end with its parent."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path

PASSED_ON = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "VIRTUAL_ENV", "SYSTEMROOT")
"""The environment variables that the process gets: where programs and libraries are, and no secret."""
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000  # linux/sched.h
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38  # linux/prctl.h


def environment(scratch: Path) -> dict[str, str]:
    """The variables of a process whose temporary files go into the folder `scratch`."""
    return {name: os.environ[name] for name in PASSED_ON if name in os.environ} | {
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "HF_HOME": str(scratch / "hub"),
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "ARROW_DEFAULT_MEMORY_POOL": "system",  # the others set memory aside, which counts as used
        "JE_ARROW_MALLOC_CONF": "background_thread:false",  # a process that forks has one thread
        "TOKENIZERS_PARALLELISM": "false",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUTF8": "1",
    }


def set_limits(*, memory: int, seconds: int, largest_file: int) -> None:
    """Limit processor time, the size of files, private memory (0: no limit) and core dumps."""
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_CPU, seconds)
    _lower(resource.RLIMIT_FSIZE, largest_file)
    if memory:
        _lower(resource.RLIMIT_DATA, memory)


def _lower(kind: int, value: int) -> None:
    hard = resource.getrlimit(kind)[1]
    limit = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (limit, limit))


def leave_network() -> tuple[str, ...]:
    """Move into an empty network namespace; gives a note where the kernel does not allow it."""
    refused = ("read with the network reachable: this kernel does not allow an empty network namespace",)
    if sys.platform != "linux":
        return refused
    user, group = os.getuid(), os.getgid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) != 0:
        return () if libc.unshare(_CLONE_NEWNET) == 0 else refused
    with suppress(OSError):  # without a map the user has no name there, but still owns its files
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1", encoding="ascii")
    return ()


def die_with_parent() -> None:
    """End when the parent is killed, and gain no privileges; after the namespaces, which may undo this."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
