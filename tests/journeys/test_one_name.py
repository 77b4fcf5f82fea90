"""Many processes that register one name at once: one of them does, and each other is told that the name is taken."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from registry import bootstrap
from registry.settings import Settings

PROGRAM = """
import sys
from pathlib import Path
from registry.domain.audit import Event
from registry.errors import RegistryError
from tests.builders import add_model, add_version
from tests.journeys.store_workers import opened

names = [f"team/model-{number}" for number in range(int(sys.argv[2]))]
with opened(Path(sys.argv[1])) as registry:
    print("ready", flush=True)
    sys.stdin.readline()
    for name in names:
        try:
            with registry.context.write() as uow:
                add_model(uow, name)
                uow.commit(Event("model.registered", f"models:/{name}"))
            print(name, "won", flush=True)
        except RegistryError as error:
            print(name, error.code, flush=True)
        with registry.context.write() as uow:
            ref = add_version(uow, name)
            uow.commit(Event("model_version.imported", str(ref)))
        print(ref, "added", flush=True)
"""


def race(home: Path, processes: int, names: int) -> None:
    """All begin at once; each name has one winner, and each version number is given once."""
    words = [sys.executable, "-c", PROGRAM, str(home), str(names)]
    running = [
        subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(processes)
    ]
    for one in running:
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
    ended = [one.communicate("go\n" if one.stdin else "") for one in running]
    assert [one.returncode for one in running] == [0] * processes, ended
    assert "locked" not in "".join(said + complaints for said, complaints in ended)
    lines = [line for said, _ in ended for line in said.splitlines()]
    expected = {"won": names, "name-taken": names * (processes - 1), "added": names * processes}
    assert Counter(line.split()[1] for line in lines) == expected
    added = {line.split()[0] for line in lines if line.endswith("added")}
    assert added == {f"models:/team/model-{one}/{n + 1}" for one in range(names) for n in range(processes)}


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def home(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    url = None
    if request.param == "postgres":
        make: Callable[[], str] = request.getfixturevalue("new_postgres_url")
        url = make()
        monkeypatch.setenv("FOREBEAR_DATABASE_URL", url)
    else:
        monkeypatch.delenv("FOREBEAR_DATABASE_URL", raising=False)
    bootstrap.init(tmp_path / "home", settings=Settings(database_url=url, mlflow_uri="off"), actor="ana")
    return tmp_path / "home"


def test_two_processes_that_register_one_name_have_one_winner(home: Path) -> None:
    race(home, 2, 3)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_thirty_two_processes_that_register_one_name_have_one_winner(home: Path) -> None:
    race(home, 32, 5)
