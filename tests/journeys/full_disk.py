"""A program that tries every operation on a small disk filled to so many percent, and prints what went wrong.

Run as `unshare -rm python -m tests.journeys.full_disk PREPARED SCRATCH OPERATIONS LEVELS`: it mounts a tmpfs in its own
mount namespace. Each operation succeeds, or ends with `no-space` and gives back what it took. Reading goes on.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from registry import bootstrap
from registry.auth import Attempts, Doorkeeper
from registry.domain.names import Reference
from registry.errors import Family, RegistryError
from registry.services.registry import LocalRegistry
from registry.settings import Settings
from tests.command_line import CommandLine, command_line
from tests.journeys import worlds

OFF = Settings(mlflow_uri="off")
SIZE = 12 * 1024**2
"""Bytes of the small disk."""
SLACK = 512 * 1024
"""Bytes that may stay: the log of SQLite, which a full disk cannot move into the database (a step writes 350 KB)."""
SAID = ("--task", "feature-extraction", "--modality", "text", "--licence", "MIT")
SOURCE = "models:/library/tiny/1"


@dataclass(frozen=True)
class Disk:
    """The small disk with a registry on it, and the files beside it on a disk with room."""

    root: Path
    material: Path
    forebear: CommandLine

    @property
    def home(self) -> Path:
        return self.root / "home"

    def used(self) -> int:
        found = os.statvfs(self.root)
        return (found.f_blocks - found.f_bfree) * found.f_frsize

    def kept(self) -> int:
        """Bytes that may stay for the next try: caches, and the checkpoints of a step that can be resumed."""
        kept = (self.home / "cache", *self.home.glob("work/step-*"))
        return sum(file.stat().st_blocks * 512 for folder in kept for file in folder.rglob("*") if file.is_file())

    @contextmanager
    def filled(self, percent: int) -> Iterator[None]:
        """With other files that take all but the rest of the disk."""
        filler, wanted = self.root / "filler", SIZE * percent // 100
        with filler.open("wb", buffering=0) as file:
            while (left := wanted - self.used()) > 0:
                file.write(b"\0" * min(left, 65_536))
        try:
            yield
        finally:
            filler.unlink()

    @contextmanager
    def server(self) -> Iterator[LocalRegistry]:
        with bootstrap.open_system(self.home, settings=OFF) as system:
            yield system

    def type(self, *words: object) -> None:
        """A command. Raises: what it said, as the error that it was."""
        said = self.forebear(*words, "--output", "json")
        interrupted = words[0] == "transfer" and said.code == Family.CONFLICT.exit_code and "worker of" in said.err
        if said.code == Family.NO_SPACE.exit_code or interrupted:  # a worker that cannot even write that it failed
            raise OutOfSpaceError(said.err)
        assert said.code == 0, (words, said)


class OutOfSpaceError(Exception):
    """The operation was refused for want of space."""


def secret_of(disk: Disk) -> str:
    return (disk.material / "token.txt").read_text()


def door_of(system: LocalRegistry) -> Doorkeeper:
    return Doorkeeper(system.sessions, "k" * 40, Attempts())


def sign_in(disk: Disk) -> None:
    with disk.server() as system:
        door_of(system).sign_in(secret_of(disk), "10.0.0.1")


def use_token(disk: Disk) -> None:
    """Reading with a token that was never used: it must succeed on any disk."""
    with disk.server() as system:
        actor = door_of(system).actor_of_header(f"Bearer {secret_of(disk)}", "10.0.0.1")
        try:
            assert system.as_actor(actor).catalog.version(Reference.parse(SOURCE)).files
        except RegistryError as error:
            raise AssertionError("Reading with a token failed") from error


def add_evidence(disk: Disk) -> None:
    with bootstrap.open(disk.home, settings=OFF, actor="ana") as registry:
        report = io.BytesIO(os.urandom(1_500_000))
        registry.promotions.add_evidence(Reference.parse(SOURCE), "model_card", {}, file=report, file_name="report.pdf")


def collect(disk: Disk) -> None:
    with bootstrap.open(disk.home, settings=OFF, actor="ana") as registry:
        registry.store.collect(grace=timedelta(0), delete=True)


OPERATIONS: Mapping[str, Callable[[Disk], None]] = {
    "import": lambda disk: disk.type("model", "import", "library/big", disk.material / "big", *SAID),
    "dataset": lambda disk: disk.type(
        "dataset", "add", "data/more", disk.material / "more.csv", "--licence", "CC0-1.0"
    ),
    "transfer": lambda disk: disk.type("transfer", "run", disk.material / "fruit.yaml"),
    "promote": lambda disk: disk.type("promote", "request", SOURCE, "--to", "candidate"),
    "evidence": add_evidence,
    "backup": lambda disk: disk.type("backup", "create", disk.root / "backup"),
    "restore": lambda disk: disk.type("--home", disk.root / "restored", "backup", "restore", disk.material / "backup"),
    "gc": collect,
    "token": lambda disk: disk.type("token", "create", "ana", "--label", "another"),
    "tag": lambda disk: disk.type("model", "tag", "library/tiny", "colour=blue"),
    "sign-in": sign_in,
    "use-token": use_token,
}


def prepare(folder: Path) -> None:
    """A registry with a source, data, garbage and a token, and what the operations read."""
    with command_line(folder) as forebear:
        forebear.ask("init")
        forebear.ask("model", "import", "library/tiny", worlds.write_source(folder), *SAID)
        forebear.ask("dataset", "add", "data/fruit", worlds.write_sentences(folder), "--licence", "CC0-1.0")
        forebear.ask("backup", "create", folder / "backup")
        (folder / "token.txt").write_text(forebear.ask("token", "create", "ana", "--label", "laptop")["secret"])
    with bootstrap.open(folder / "home", settings=OFF, actor="ana") as registry:
        registry.context.blobs.put(io.BytesIO(b"left over"))
    worlds.write_recipe(folder)
    shutil.copytree(folder / "tiny", folder / "big")
    (folder / "big/notes.txt").write_bytes(os.urandom(2_000_000).hex().encode())
    rows = "".join(f"{os.urandom(60).hex()},{'ab'[number % 2]},train\n" for number in range(12_000))
    (folder / "more.csv").write_text("text,label,split\n" + rows)


def attempt(disk: Disk, name: str, percent: int) -> str:
    """`done` or `no-space`; anything else that happens is an AssertionError or the error itself."""
    before = rows(disk)
    with disk.filled(percent):
        start = disk.used() - disk.kept()
        try:
            OPERATIONS[name](disk)
            outcome = "done"
        except OutOfSpaceError:
            outcome = "no-space"
        except RegistryError as error:
            if error.family is not Family.NO_SPACE:
                raise
            outcome = "no-space"
        assert not (name == "use-token" and outcome != "done")
        taken = disk.used() - disk.kept() - start
        assert outcome == "done" or taken <= SLACK, f"{taken} bytes were not given back"
        assert read(disk)
    after = rows(disk)
    if outcome == "no-space":
        assert name == "transfer" or after == before
        assert after["version"] == before["version"]
        assert not list((disk.home / "blobs/incoming").glob("*"))
        assert not (disk.root / "restored").exists()
    with bootstrap.open(disk.home, settings=OFF, actor="ana") as registry:
        assert registry.audit.verify().intact
        assert registry.store.verify(restart=True).damage == ()
        assert registry.store.stats().unneeded <= 1, "more than the garbage that was there"
    return outcome


def rows(disk: Disk) -> Mapping[str, int]:
    with bootstrap.open(disk.home, settings=OFF, actor="ana") as registry, registry.context.read() as uow:
        return uow.whole.rows()


def read(disk: Disk) -> bool:
    """Lists and bytes can still be read."""
    with bootstrap.open(disk.home, settings=OFF, actor="ana") as registry:
        version = registry.catalog.version(Reference.parse(SOURCE))
        with registry.context.blobs.open(version.files[0].sha256) as stream:
            return len(stream.read()) == version.files[0].size and len(registry.audit.search().items) > 0


def main() -> None:
    """Print a line of JSON for each case; exit with 1 after a case that went wrong."""
    prepared, root = Path(sys.argv[1]), Path(sys.argv[2]) / "disk"
    root.mkdir(exist_ok=True)
    cases = [(name, int(level)) for name in sys.argv[3].split(",") for level in sys.argv[4].split(",")]
    wrong = 0
    for name, percent in cases:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none", str(root)], check=True)
        child = os.fork()  # a process for each: no connection to the database of an earlier disk is left
        if child == 0:
            os._exit(case(prepared, root, name, percent))
        wrong += os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0
        subprocess.run(["umount", "-l", str(root)], check=True)
    sys.exit(1 if wrong else 0)


def case(prepared: Path, root: Path, name: str, percent: int) -> int:
    """Run one case and print what became of it; 1 if something went wrong."""
    try:
        shutil.copytree(prepared / "home", root / "home")
        with command_line(root) as forebear:
            outcome, wrong = attempt(Disk(root, prepared, forebear), name, percent), 0
    except Exception as error:  # noqa: BLE001 - it is counted and printed
        outcome, wrong = f"{type(error).__name__}: {error}", 1
    print(json.dumps([name, percent, outcome]), flush=True)
    return wrong


if __name__ == "__main__":
    main()
