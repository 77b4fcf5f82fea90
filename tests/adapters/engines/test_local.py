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

from adapters.engines import local
from adapters.engines.commands import worker_command
from adapters.engines.gpus import count_gpus
from adapters.engines.local import Local
from adapters.engines.processes import Worker, born_at, born_by_ps, here, recall, remember
from registry.domain.recipes.recipe import Resources
from registry.errors import StepStateError, UnavailableError, UsageError

STANDIN = "tests.adapters.engines.standin"
ENGINE = Local(module=STANDIN, grace=1.0)
PLAIN = Resources(cpus=1)


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline, "waited ten seconds"
        time.sleep(0.02)


def is_busy(home: Path, step: str = "step-sleep") -> bool:
    """The stand-in has got as far as sleeping."""
    return (home / "work" / step / "session").exists()


def is_caught(number: signal.Signals, pid: int) -> bool:
    """The process has a handler for the signal: it waits for the worker, and has not only started it."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught, 16) >> (number - 1) & 1)


def run(step: str, home: Path) -> None:
    """Start the worker and wait for its end."""
    ENGINE.start(step, home, PLAIN)
    ENGINE.wait(step, home)


@pytest.fixture(autouse=True)
def _standin_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home whose workers are ended afterwards."""
    yield tmp_path
    for step in ("step-sleep", "step-stubborn"):
        ENGINE.stop(step, tmp_path)


def test_waiting_for_a_step_lasts_until_its_worker_has_ended(home: Path) -> None:
    run("step-quick", home)
    folder = home / "work/step-quick"
    assert (folder / "done").read_text() == "yes"
    assert (folder / "worker.log").read_text() == "hello from step-quick\n"
    assert ENGINE.alive("step-quick", home) is False
    assert ENGINE.log("step-quick", home) == "hello from step-quick\n"


def test_a_worker_that_crashes_leaves_its_output_in_the_log(home: Path) -> None:
    run("step-broken", home)
    run("step-broken", home)
    log = (home / "work/step-broken/worker.log").read_text()
    assert log.count("RuntimeError: this worker is broken") == 2


def test_the_worker_is_left_alone_in_a_session_of_its_own(home: Path) -> None:
    ENGINE.start("step-sleep", home, PLAIN)
    assert ENGINE.alive("step-sleep", home)
    until(lambda: is_busy(home))
    pid, session = (home / "work/step-sleep/session").read_text().split()
    assert pid == session != str(os.getsid(0))


def test_any_command_on_this_machine_sees_and_stops_the_worker(home: Path) -> None:
    ENGINE.start("step-sleep", home, PLAIN)
    assert ENGINE.alive("step-sleep", home)
    assert ENGINE.stop("step-sleep", home)
    assert not ENGINE.alive("step-sleep", home)
    assert not ENGINE.stop("step-sleep", home)


def test_what_ignores_a_request_to_end_is_killed_with_its_children(home: Path) -> None:
    ENGINE.start("step-stubborn", home, PLAIN)
    until(lambda: is_busy(home, "step-stubborn"))
    child = int((home / "work/step-stubborn/child").read_text())
    assert born_at(child) is not None
    assert Local(module=STANDIN, grace=0.2).stop("step-stubborn", home)
    assert not ENGINE.alive("step-stubborn", home)
    until(lambda: born_at(child) is None)


def test_a_step_has_one_worker_at_a_time(home: Path) -> None:
    ENGINE.start("step-sleep", home, PLAIN)
    with pytest.raises(StepStateError, match="has a worker already"):
        ENGINE.start("step-sleep", home, PLAIN)


def test_there_is_nothing_to_stop_where_nothing_ran(home: Path) -> None:
    assert not ENGINE.stop("step-never", home)
    assert ENGINE.alive("step-never", home) is None
    assert ENGINE.log("step-never", home) == ""
    ENGINE.wait("step-never", home)


def test_a_process_that_reuses_the_number_of_a_dead_worker_is_left_alone(home: Path) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    try:
        (home / "work/step-old").mkdir(parents=True)
        remember(Worker(stranger.pid, "1"), home / "work/step-old/worker.pid")
        assert not ENGINE.alive("step-old", home)
        assert not ENGINE.stop("step-old", home)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


@pytest.mark.parametrize("written", ["", "{}", "[1]", '{"pid": "x", "born": 1}', '{"pid":'])
def test_a_process_file_that_cannot_be_read_names_no_worker(written: str, tmp_path: Path) -> None:
    (tmp_path / "worker.pid").write_text(written)
    assert recall(tmp_path / "worker.pid") is None


def test_a_worker_that_was_killed_outright_is_not_alive(home: Path) -> None:
    ENGINE.start("step-sleep", home, PLAIN)
    pid = json.loads((home / "work/step-sleep/worker.pid").read_text())["pid"]
    os.kill(pid, signal.SIGKILL)
    until(lambda: not ENGINE.alive("step-sleep", home))


def test_a_finished_background_worker_leaves_no_zombie(home: Path) -> None:
    ENGINE.start("step-quick", home, PLAIN)
    pid = json.loads((home / "work/step-quick/worker.pid").read_text())["pid"]
    until(lambda: not Path(f"/proc/{pid}").exists())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_reaches_the_worker_and_then_the_command(number: signal.Signals, home: Path) -> None:
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "  # a shell's `&` has it ignored
        "import sys; from pathlib import Path; from adapters.engines.local import Local; "
        "from registry.domain.recipes.recipe import Resources; "
        f"engine = Local(module={STANDIN!r}); engine.start('step-sleep', Path(sys.argv[1]), Resources(1)); "
        "engine.wait('step-sleep', Path(sys.argv[1])); print('went on')"
    )
    command = subprocess.Popen(
        [sys.executable, "-c", code, str(home)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    until(lambda: is_busy(home) and is_caught(signal.SIGTERM, command.pid))
    os.kill(command.pid, number)
    said, _ = command.communicate(timeout=60)
    assert said == b""
    assert command.returncode == -number
    assert not ENGINE.alive("step-sleep", home)
    if number is signal.SIGINT:
        assert (home / "work/step-sleep/interrupted").exists()


def test_a_thread_of_a_server_can_wait_too(home: Path) -> None:
    waiter = threading.Thread(target=run, args=("step-quick", home))
    waiter.start()
    waiter.join(timeout=10)
    assert (home / "work/step-quick/done").exists()


@pytest.mark.parametrize("step", ["../up", "step/../../x", "", "a b"])
def test_what_is_no_id_of_a_step_starts_nothing(step: str, home: Path) -> None:
    with pytest.raises(UsageError):
        ENGINE.start(step, home, PLAIN)


def test_a_registry_folder_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "work").write_text("in the way")
    with pytest.raises(UnavailableError, match="cannot be made"):
        ENGINE.start("step-quick", tmp_path, PLAIN)


def test_a_folder_called_registry_in_the_current_directory_is_not_run(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trap = tmp_path / "typed-here"
    (trap / "tests/adapters/engines").mkdir(parents=True)
    for package in ("tests", "tests/adapters", "tests/adapters/engines"):
        (trap / package / "__init__.py").touch()
    (trap / "tests/adapters/engines/standin.py").write_text("print('trapped')")
    monkeypatch.chdir(trap)
    run("step-quick", home)
    assert (home / "work/step-quick/worker.log").read_text() == "hello from step-quick\n"


@pytest.mark.skipif(shutil.which("ps") is None, reason="there is no ps here")
def test_without_proc_ps_identifies_a_process() -> None:
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
            ENGINE.start("step-quick", home, PLAIN)


def test_a_worker_of_another_machine_is_neither_judged_nor_ended(home: Path) -> None:
    ENGINE.start("step-sleep", home, PLAIN)
    note = home / "work/step-sleep/worker.pid"
    worker = recall(note)
    assert worker is not None
    assert worker.place == here()
    remember(Worker(worker.pid, worker.born, "elsewhere pid:[1]"), note)
    assert ENGINE.alive("step-sleep", home) is None
    assert not ENGINE.stop("step-sleep", home)
    assert worker.runs()
    remember(Worker(worker.pid, worker.born), note)
    assert ENGINE.alive("step-sleep", home), "notes of older versions name no machine"


def test_a_long_log_is_given_from_its_end(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("step-quick", home)
    monkeypatch.setattr(local, "LOG_BYTES", 6)
    assert ENGINE.log("step-quick", home) == "quick\n"


@pytest.mark.parametrize(
    ("there", "visible", "count"),
    [
        ((), None, 0),
        (("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm"), None, 2),
        (("nvidia0", "nvidia1"), "1", 1),
        (("nvidia0", "nvidia1"), "", 0),
        (("nvidia0", "nvidia1"), "0,-1,1", 1),
        (("nvidia0",), "GPU-1234,GPU-5678", 1),
    ],
)
def test_gpus_are_counted_as_the_driver_shows_them(
    there: tuple[str, ...], visible: str | None, count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in there:
        (tmp_path / name).touch()
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert count_gpus(tmp_path) == count


def test_more_gpus_than_there_are_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "count_gpus", lambda: 1)
    assert ENGINE.grant(Resources(cpus=3, gpus=1)) == Resources(cpus=3, gpus=1)
    assert ENGINE.grant(Resources()).cpus == len(os.sched_getaffinity(0))
    with pytest.raises(UnavailableError, match=r"'resources.gpus' is 2, and this machine has 1 GPU\. Ask for fewer"):
        ENGINE.grant(Resources(gpus=2))


def test_several_gpus_are_several_workers_that_know_of_each_other(tmp_path: Path) -> None:
    words = worker_command("python", "step-1", tmp_path, Resources(gpus=2))
    assert words[:5] == ["python", "-P", "-m", "torch.distributed.run", "--standalone"]
    assert "--nproc-per-node=2" in words
    assert words[-9:-4] == ["-m", "registry.worker", "step-1", "--home", str(tmp_path.resolve())]
    assert (words[-4], words[-2:]) == ("--launch", ["--rank-variable", "RANK"])
    assert "torch.distributed.run" not in worker_command("python", "step-1", tmp_path, Resources(gpus=1))
