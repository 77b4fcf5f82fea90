"""Copies steps to MLflow, many in one process: `python -m registry.mirror --home HOME --seconds N`.

Importing MLflow takes seconds, so the worker of a step leaves the copying to this process, which waits N seconds for
further steps to end. There is one for each registry folder and tracking URI. A worker asks for it by touching a file;
removing the file ends the process.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from registry import bootstrap
from registry.errors import RegistryError
from registry.services.transfers.tracking import Tracking
from registry.settings import Settings

NICE = 10
"""How much less important than training this is."""
_POLL_SECONDS = 0.5
logger = logging.getLogger("forebear.mirror")


@dataclass(frozen=True, slots=True)
class Requests:
    """What workers have asked for: the time of a file, and a lock that is held by the process that looks at it."""

    file: Path

    @classmethod
    def of(cls, home: Path, uri: str) -> Requests:
        """Those for copies to the tracking URI `uri`."""
        return cls(home / "mirrors" / hashlib.sha256(uri.encode()).hexdigest()[:16])

    @property
    def lock(self) -> FileLock:
        """The lock, not waited for."""
        return FileLock(self.file.with_suffix(".lock"), timeout=0)

    def last(self) -> int:
        """When something was last asked for, in nanoseconds since 1970; 0: never."""
        try:
            return self.file.stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    def ask(self) -> bool:
        """Ask for a copy of what has ended; True when no process is there to do it."""
        self.file.parent.mkdir(exist_ok=True)
        self.file.touch()
        try:
            with self.lock:
                return True
        except Timeout:
            return False


def ask(home: Path, uri: str, seconds: float) -> subprocess.Popen[bytes] | None:
    """Have the steps that have ended copied to `uri` by another process; returns it if it had to be started."""
    requests = Requests.of(home, uri)
    if not requests.ask():
        return None
    words = ["registry.mirror", "--home", str(home), "--seconds", f"{seconds:g}"]
    with requests.file.with_suffix(".log").open("wb") as log:
        # It outlives the worker: a session of its own.
        return subprocess.Popen(
            [sys.executable, "-P", "-m", *words],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def main(words: list[str] | None = None) -> int:
    """Copy until no worker has asked for `--seconds`; does nothing if another process does it already."""
    parser = argparse.ArgumentParser(prog="registry.mirror")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    given = parser.parse_args(words)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    settings = Settings.from_environment()
    with bootstrap.open_system(given.home, settings=settings) as registry:
        uri = Tracking(registry.context).uri
    if uri is None:
        return 0
    os.nice(NICE)
    requests, done = Requests.of(given.home, uri), -1
    # A worker that asks while the lock is still held starts no process, so the file is looked at again afterwards.
    while requests.last() != done:
        try:
            with requests.lock:
                done = _answer(requests, given.home, settings, given.seconds)
        except Timeout:
            return 0
    return 0


def _answer(requests: Requests, home: Path, settings: Settings, seconds: float) -> int:
    """Copy whenever something was asked for, until nothing was for `seconds`; returns when it last was."""
    done, idle_since = -1, time.monotonic()
    while time.monotonic() - idle_since < seconds:
        if (last := requests.last()) == done:
            time.sleep(_POLL_SECONDS)
            continue
        if not last:  # the file was removed, perhaps with the registry folder
            return last
        try:
            # Opened anew each time: the database may have been upgraded meanwhile.
            with bootstrap.open_system(home, settings=settings) as registry:
                Tracking(registry.context).flush()
        except RegistryError as error:
            logger.error("%s [%s]", error, error.code)  # noqa: TRY400 - the message says enough
        done, idle_since = last, time.monotonic()
    return done


if __name__ == "__main__":
    sys.exit(main())
