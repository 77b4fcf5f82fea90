"""Workers of this machine: started once, waited for or left alone, stopped with all that they started."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from adapters.engines.local import Background, Foreground
from adapters.engines.processes import Worker, born_at, born_by_ps, recall, remember
from registry.errors import StepStateError, UnavailableError, UsageError

STANDIN = "tests.adapters.engines.standin"
FOREGROUND = Foreground(module=STANDIN, grace=1.0)
BACKGROUND = Background(module=STANDIN, grace=1.0)


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline, "waited ten seconds"
        time.sleep(0.02)


def is_busy(home: Path, step: str = "step-sleep") -> bool:
    """The stand-in has got as far as sleeping."""
    return (home / "work" / step / "session").exists()


@pytest.fixture(autouse=True)
def _standin_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home whose workers are ended afterwards."""
    yield tmp_path
    for step in ("step-sleep", "step-stubborn"):
        BACKGROUND.stop(step, tmp_path)


def test_the_foreground_waits_until_the_worker_is_done(home: Path) -> None:
    FOREGROUND.start("step-quick", home)
    folder = home / "work/step-quick"
    assert (folder / "done").read_text() == "yes"
    assert (folder / "worker.log").read_text() == "hello from step-quick\n"
    assert not FOREGROUND.alive("step-quick", home)
    assert not (folder / "worker.pid").exists()


def test_a_worker_that_breaks_leaves_its_words_in_the_log(home: Path) -> None:
    FOREGROUND.start("step-broken", home)
    FOREGROUND.start("step-broken", home)
    log = (home / "work/step-broken/worker.log").read_text()
    assert log.count("RuntimeError: this worker is broken") == 2


def test_the_background_leaves_the_worker_alone_in_a_session_of_its_own(home: Path) -> None:
    BACKGROUND.start("step-sleep", home)
    assert BACKGROUND.alive("step-sleep", home)
    until(lambda: is_busy(home))
    pid, session = (home / "work/step-sleep/session").read_text().split()
    assert pid == session != str(os.getsid(0))


def test_any_engine_of_this_machine_sees_and_stops_the_worker(home: Path) -> None:
    BACKGROUND.start("step-sleep", home)
    assert FOREGROUND.alive("step-sleep", home)
    assert FOREGROUND.stop("step-sleep", home)
    assert not BACKGROUND.alive("step-sleep", home)
    assert not BACKGROUND.stop("step-sleep", home)


def test_what_ignores_a_request_to_end_is_killed_with_its_children(home: Path) -> None:
    BACKGROUND.start("step-stubborn", home)
    until(lambda: is_busy(home, "step-stubborn"))
    child = int((home / "work/step-stubborn/child").read_text())
    assert born_at(child) is not None
    assert Background(module=STANDIN, grace=0.2).stop("step-stubborn", home)
    assert not BACKGROUND.alive("step-stubborn", home)
    until(lambda: born_at(child) is None)


def test_a_step_has_one_worker_at_a_time(home: Path) -> None:
    BACKGROUND.start("step-sleep", home)
    with pytest.raises(StepStateError, match="has a worker already"):
        BACKGROUND.start("step-sleep", home)


def test_there_is_nothing_to_stop_where_nothing_ran(home: Path) -> None:
    assert not BACKGROUND.stop("step-never", home)
    assert not BACKGROUND.alive("step-never", home)


def test_a_process_that_got_the_number_of_a_dead_worker_is_left_alone(home: Path) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    try:
        (home / "work/step-old").mkdir(parents=True)
        remember(Worker(stranger.pid, "1"), home / "work/step-old/worker.pid")
        assert not BACKGROUND.alive("step-old", home)
        assert not BACKGROUND.stop("step-old", home)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


@pytest.mark.parametrize("written", ["", "{}", "[1]", '{"pid": "x", "born": 1}', '{"pid":'])
def test_a_note_that_cannot_be_read_is_no_worker(written: str, tmp_path: Path) -> None:
    (tmp_path / "worker.pid").write_text(written)
    assert recall(tmp_path / "worker.pid") is None


def test_a_worker_that_was_killed_outright_is_not_alive(home: Path) -> None:
    BACKGROUND.start("step-sleep", home)
    pid = json.loads((home / "work/step-sleep/worker.pid").read_text())["pid"]
    os.kill(pid, signal.SIGKILL)
    until(lambda: not BACKGROUND.alive("step-sleep", home))


def test_a_finished_background_worker_leaves_no_zombie(home: Path) -> None:
    BACKGROUND.start("step-quick", home)
    pid = json.loads((home / "work/step-quick/worker.pid").read_text())["pid"]
    until(lambda: not Path(f"/proc/{pid}").exists())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_reaches_the_worker_and_then_the_command(number: signal.Signals, home: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from adapters.engines.local import Foreground; "
        f"Foreground(module={STANDIN!r}).start('step-sleep', Path(sys.argv[1])); print('went on')"
    )
    command = subprocess.Popen(
        [sys.executable, "-c", code, str(home)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    until(lambda: is_busy(home))
    os.kill(command.pid, number)
    said, _ = command.communicate(timeout=10)
    assert said == b""
    assert command.returncode == -number
    assert not BACKGROUND.alive("step-sleep", home)
    if number is signal.SIGINT:
        assert (home / "work/step-sleep/interrupted").exists()


def test_a_thread_of_a_server_can_wait_too(home: Path) -> None:
    waiter = threading.Thread(target=FOREGROUND.start, args=("step-quick", home))
    waiter.start()
    waiter.join(timeout=10)
    assert (home / "work/step-quick/done").exists()


@pytest.mark.parametrize("step", ["../up", "step/../../x", "", "a b"])
def test_what_is_no_id_of_a_step_starts_nothing(step: str, home: Path) -> None:
    with pytest.raises(UsageError):
        BACKGROUND.start(step, home)


def test_a_home_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "work").write_text("in the way")
    with pytest.raises(UnavailableError, match="cannot be made"):
        BACKGROUND.start("step-quick", tmp_path)


def test_a_folder_of_the_same_name_where_the_command_was_typed_is_not_run(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trap = tmp_path / "typed-here"
    (trap / "tests/adapters/engines").mkdir(parents=True)
    for package in ("tests", "tests/adapters", "tests/adapters/engines"):
        (trap / package / "__init__.py").touch()
    (trap / "tests/adapters/engines/standin.py").write_text("print('trapped')")
    monkeypatch.chdir(trap)
    FOREGROUND.start("step-quick", home)
    assert (home / "work/step-quick/worker.log").read_text() == "hello from step-quick\n"


@pytest.mark.skipif(shutil.which("ps") is None, reason="there is no ps here")
def test_where_there_is_no_proc_ps_tells_one_process_from_another() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        born = born_by_ps(child.pid)
        assert born
        assert born == born_by_ps(child.pid)
    finally:
        child.communicate(b"\n")
    assert born_by_ps(child.pid) is None


def test_two_commands_at_once_start_one_worker(home: Path) -> None:
    folder = home / "work/step-quick"
    folder.mkdir(parents=True)
    with (folder / "worker.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(StepStateError, match="is being started already"):
            BACKGROUND.start("step-quick", home)
