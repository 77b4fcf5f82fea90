"""Workers forked from a process that has their libraries loaded: as isolated, limited and mortal as started ones."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.engines import asking
from adapters.engines.local import Local
from adapters.engines.processes import born_at
from registry.domain.recipes.recipe import Resources
from registry.errors import UsageError
from tests.adapters.engines.test_local import until

MODULE = "standin_of_this_test"
PLAIN = Resources(cpus=1)
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="fork servers need Linux")


class Workplace:
    """A registry folder, an engine whose workers are stand-ins, and what these wrote."""

    def __init__(self, folder: Path, seconds: float = 60) -> None:
        self.home, self.module = folder / "home", folder / "code" / f"{MODULE}.py"
        self.home.mkdir()
        self.engine = Local(module=MODULE, grace=1.0, seconds=seconds)

    def start(self, step: str) -> None:
        phase = os.environ.pop("PYTEST_CURRENT_TEST", "")  # it differs between a fixture and its test
        self.engine.start(step, self.home, PLAIN, adapter="none")
        os.environ["PYTEST_CURRENT_TEST"] = phase

    def run(self, step: str) -> dict[str, Any]:
        """Run a step to its end; what its worker saw."""
        self.start(step)
        self.engine.wait(step, self.home)
        return self.seen(step)

    def seen(self, step: str) -> dict[str, Any]:
        place = self.home / "work" / step / "seen.json"
        until(place.exists)
        found: dict[str, Any] = json.loads(place.read_text())
        return found

    def servers(self) -> list[Path]:
        return sorted((self.home / asking.FOLDER).glob("*.sock"))

    def server(self) -> Path:
        """The socket of the only fork server, once it is there."""
        until(lambda: bool(self.servers()))
        (found,) = self.servers()
        return found

    def close(self) -> None:
        for place in self.servers():
            place.unlink()  # a fork server whose socket was removed ends


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workplace]:
    """A first step has been run there, and its fork server is listening."""
    (tmp_path / "code").mkdir()
    shutil.copy(Path(__file__).with_name("standin_forked.py"), tmp_path / "code" / f"{MODULE}.py")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "code"), str(Path(__file__).parents[3])]))
    workplace = Workplace(tmp_path)
    assert not workplace.run("step-first")["forked"]
    workplace.server()
    yield workplace
    workplace.close()


def kill_server_of(seen: dict[str, Any]) -> int:
    """SIGKILL the fork server that a worker came from."""
    server = int(seen["forked"])
    assert server > 1, "the worker was not forked"
    os.kill(server, signal.SIGKILL)
    until(lambda: born_at(server) is None)
    return server


def test_the_next_worker_is_forked_and_shares_no_state_with_the_one_before(place: Workplace) -> None:
    first, second, third = place.seen("step-first"), place.run("step-second"), place.run("step-third")
    assert second["forked"] == third["forked"] != 0
    for seen in (second, third):
        assert seen["changed"] == first["changed"] == [None, None, 0]
        assert seen["session"] == seen["pid"] == seen["group"]
        assert seen["threads"] == 1
    assert second["drawn"] != third["drawn"]
    assert place.engine.log("step-second", place.home).splitlines() == [
        f"Forked from process {second['forked']}, which had the libraries loaded",
        "hello from step-second",
    ]


def test_ps_shows_the_step_of_a_forked_worker(place: Workplace) -> None:
    shown = place.run("step-second")["title"]
    assert shown[:3] == [sys.executable, "-P", "-m"]
    assert "step-second" in shown
    assert "step-first" not in shown


def test_a_forked_worker_has_the_folder_and_settings_of_its_submitter(
    place: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FOREBEAR_DEVICE", "cpu")
    seen = place.run("step-second")
    assert seen["forked"]
    assert (seen["folder"], seen["device"]) == (str(tmp_path), "cpu")
    monkeypatch.delenv("FOREBEAR_DEVICE")
    assert place.run("step-third")["device"] is None


def test_another_environment_gets_a_worker_of_its_own(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert not place.run("step-second")["forked"]
    monkeypatch.undo()


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("limit", ["RLIMIT_AS", "RLIMIT_NOFILE"])
def test_whoever_has_other_limits_gets_a_worker_with_these(place: Workplace, limit: str) -> None:
    number = getattr(resource, limit)
    before = resource.getrlimit(number)
    few = (64 * 1024**3, before[1]) if limit == "RLIMIT_AS" else (before[0] - 1, before[1])
    resource.setrlimit(number, few)
    try:
        started, forked = place.run("step-second"), None
        until(lambda: len(place.servers()) == 2)
        forked = place.run("step-third")
    finally:
        resource.setrlimit(number, before)
    assert not started["forked"]
    assert forked["forked"]
    assert started["limits"][limit] == forked["limits"][limit] == list(few)


def test_stopping_a_forked_worker_ends_its_children_and_not_the_fork_server(place: Workplace) -> None:
    place.start("step-stubborn")
    child = place.seen("step-stubborn")["child"]
    assert Local(module=MODULE, grace=0.2).stop("step-stubborn", place.home)
    assert place.engine.alive("step-stubborn", place.home) is not True
    until(lambda: born_at(child) is None)
    assert place.run("step-second")["forked"]


def test_a_forked_worker_that_was_killed_is_not_alive_and_leaves_no_zombie(place: Workplace) -> None:
    place.start("step-sleep")
    pid = place.seen("step-sleep")["pid"]
    assert place.engine.alive("step-sleep", place.home)
    os.kill(pid, signal.SIGKILL)
    until(lambda: not Path(f"/proc/{pid}").exists())
    assert place.engine.alive("step-sleep", place.home) is False


def test_a_fork_server_that_was_killed_is_replaced(place: Workplace) -> None:
    first = kill_server_of(place.run("step-second"))
    assert not place.run("step-third")["forked"]
    until(lambda: place.run("step-fourth")["forked"] not in {0, first})


def test_a_killed_fork_server_does_not_take_its_workers_with_it(place: Workplace) -> None:
    place.start("step-sleep")
    kill_server_of(place.seen("step-sleep"))
    assert place.engine.alive("step-sleep", place.home)
    assert place.engine.stop("step-sleep", place.home)


def test_a_fork_server_ends_when_code_that_it_loaded_changes(place: Workplace) -> None:
    before = place.run("step-second")["forked"]
    place.module.write_text(place.module.read_text() + "\nVERSION = 2\n")
    assert not place.run("step-third")["forked"]
    until(lambda: born_at(before) is None)
    until(lambda: place.run("step-fourth")["forked"] not in {0, before})


def test_a_fork_server_ends_when_no_step_comes(tmp_path: Path, place: Workplace) -> None:
    (tmp_path / "other").mkdir()
    brief = Workplace(tmp_path / "other", seconds=0.1)
    brief.run("step-first")
    until(lambda: bool(list((brief.home / asking.FOLDER).glob("*.log"))) and not brief.servers())
    assert not brief.run("step-second")["forked"]


def test_only_its_owner_can_reach_a_fork_server(place: Workplace) -> None:
    found = place.server()
    assert stat.S_IMODE(found.stat().st_mode) == 0o600
    assert stat.S_IMODE(found.parent.stat().st_mode) == 0o700


def test_a_worker_whose_submitter_went_away_before_writing_it_down_does_not_run(place: Workplace) -> None:
    found = place.server()
    log = (place.home / "lost.log").open("wb")
    words = ["step-lost", "--home", str(place.home)]
    with log, asking.forked(found, ["python"], words, log.fileno()) as worker:
        assert worker is not None
        assert born_at(worker.pid) is not None
    until(lambda: born_at(worker.pid) is None)
    assert not (place.home / "work/step-lost").exists()


@pytest.mark.parametrize("message", [b"", b"[", b"{}", b'{"words": 1}'])
def test_a_request_that_makes_no_sense_harms_nothing(message: bytes, place: Workplace) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        with asking.at_folder(place.server()) as address:
            connection.connect(address)
        if message:
            socket.send_fds(connection, [message], [sys.__stderr__.fileno()] if sys.__stderr__ else [])
    assert place.run("step-second")["forked"]


@pytest.mark.parametrize("trouble", ["thread", "gpu"])
def test_where_forking_would_be_unsafe_every_worker_is_started(trouble: str, tmp_path: Path) -> None:
    """A thread that importing started, or an open device of a GPU."""
    code = (
        "import os, sys, threading, types; from adapters.engines import fork_server as f\n"
        "class Point:\n"
        "    def load(self):\n"
        f"        if {trouble!r} == 'thread': threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
        "f.entry_points = lambda **_: [Point()]\n"
        f"if {trouble!r} == 'gpu': f._GPU = (os.readlink('/proc/self/fd/0'),)\n"
        "print(f._load('any'))\n"
    )
    words = [sys.executable, "-c", code]
    ran = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"


def test_a_thread_of_a_server_gets_forked_workers_too(place: Workplace) -> None:
    seen: list[dict[str, Any]] = []
    waiter = threading.Thread(target=lambda: seen.append(place.run("step-second")))
    waiter.start()
    waiter.join(timeout=60)
    assert seen[0]["forked"]


def test_with_zero_seconds_nothing_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOREBEAR_WARM_SECONDS", "0")
    assert Local().seconds == 0
    monkeypatch.delenv("FOREBEAR_WARM_SECONDS")
    assert Local().seconds == 300
    monkeypatch.setenv("FOREBEAR_WARM_SECONDS", "soon")
    with pytest.raises(UsageError, match="FOREBEAR_WARM_SECONDS must be a whole number"):
        Local()
