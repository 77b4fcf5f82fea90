"""kill -9 at random moments of publishing, collecting and verifying: nothing that was acknowledged is lost."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from registry import bootstrap
from registry.domain.names import AssetKind, Reference
from registry.settings import Settings
from tests.journeys.store_workers import WORKS, opened

KILLS = int(os.environ.get("STORE_KILLS", "100"))
RECOVERY_SECONDS = 2.0
"""How long the next process may take to read and to write after a kill."""
FEW = ("publish", "collect", "verify")


class Worker:
    """One of the processes, with what it has said so far in a file that survives it."""

    def __init__(self, work: str, home: Path, number: int) -> None:
        self.work, self.said = work, home.parent / f"{work}-{number}.txt"
        with self.said.open("wb") as out:
            words = [sys.executable, "-m", "tests.journeys.store_workers", work, str(home), str(number)]
            self.process = subprocess.Popen(words, stdout=out)

    def lines(self) -> list[str]:
        return self.said.read_text().splitlines()

    def wait_for_work(self) -> None:
        until = time.monotonic() + 300  # a busy machine is no loss
        while not self.lines():
            assert self.process.poll() is None, f"{self.work} ended by itself"
            assert time.monotonic() < until, f"{self.work} did nothing"
            time.sleep(0.02)

    def kill(self) -> list[str]:
        assert self.process.poll() is None, f"{self.work} ended by itself: {self.lines()[-1:]}"
        self.process.kill()
        self.process.wait()
        return self.lines()


def story(home: Path, kills: int, seed: int, works: Sequence[str]) -> None:
    """Let them work side by side; kill one at a time and start another in its place."""
    draw, said = random.Random(seed), list[str]()
    workers = [Worker(work, home, number) for number, work in enumerate(works)]
    try:
        for number in range(kills):
            place = number % len(works)
            workers[place].wait_for_work()
            time.sleep(draw.uniform(0, 0.5))
            said += workers[place].kill()
            workers[place] = Worker(works[place], home, len(works) + number)
    finally:
        for worker in workers:
            worker.process.kill()
            worker.process.wait()
            said += worker.lines()
    spent = recovery(home)
    assert_nothing_lost(home, said)
    print(f"{kills} kills of {', '.join(works)}: nothing lost, nothing half visible, recovery in {spent:.2f} s")
    assert spent <= RECOVERY_SECONDS


def recovery(home: Path) -> float:
    """Seconds until the registry was opened, read and written, after the last of them was killed."""
    began = time.monotonic()
    with opened(home) as registry:
        assert registry.audit.search().items
        with registry.context.write() as uow:
            uow.commit_unaudited()
    return time.monotonic() - began


def assert_nothing_lost(home: Path, said: list[str]) -> None:
    assert not [line for line in said if line.startswith("damage")]
    words = [line.split() for line in said if line.startswith(("added", "deleting"))]
    kept = {ref for word, ref in words if word == "added"} - {ref for word, ref in words if word == "deleting"}
    assert kept
    for path in (*(home / "blobs/incoming").iterdir(), *(home / "blobs/holds").iterdir()):
        os.utime(path, (0, 0))  # as if the next start came later
    bootstrap.sweep(home)
    assert not list((home / "blobs/incoming").iterdir())
    with opened(home) as registry:
        for ref in {line.split()[1] for line in said if line.startswith("approved")}:
            assert registry.catalog.version(Reference.parse(ref)).summary.stage == "validated"
        for ref in (ref for ref in kept if ref.startswith("models:")):
            assert registry.catalog.version(Reference.parse(ref)).files
        for ref in (ref for ref in kept if ref.startswith("datasets:")):
            assert registry.datasets.version(Reference.parse(ref, kind=AssetKind.DATASETS)).summary.rows == 40
        assert registry.store.verify(restart=True).damage == ()
        assert registry.audit.verify().intact
        registry.store.collect(grace=timedelta(0), delete=True)
        assert registry.store.verify(restart=True).damage == ()
        assert registry.store.stats().unneeded == 0
    stored = set((home / "blobs").glob("??/??/*"))
    assert not [path for path in stored if path.suffix and path.with_suffix("") not in stored], "digests without a blob"
    assert not list((home / "blobs/holds").iterdir())


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def home(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new registry folder over either database."""
    url = None
    if request.param == "postgres":
        make: Callable[[], str] = request.getfixturevalue("new_postgres_url")
        url = make()
        monkeypatch.setenv("FOREBEAR_DATABASE_URL", url)
    bootstrap.init(tmp_path / "home", settings=Settings(database_url=url, mlflow_uri="off"), actor="ana")
    with opened(tmp_path / "home") as registry:
        registry.people.add("ben", "Ben")
        registry.people.grant("ben", "validator")
    return tmp_path / "home"


def test_kills_of_publishing_collecting_and_verifying_lose_nothing(home: Path) -> None:
    story(home, 3, time.time_ns(), FEW)


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_a_hundred_kills_of_every_operation_lose_nothing(home: Path) -> None:
    seed = time.time_ns()
    print(f"seed {seed}")
    story(home, KILLS, seed, tuple(WORKS))
