"""When things go wrong in the middle: killed workers and imports, full disks, changed bytes, a tracker that is down."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from adapters.engines.asking import FOLDER, is_possible
from adapters.engines.local import GRACE_SECONDS, WARM_SECONDS
from adapters.engines.processes import born_at
from tests.command_line import CommandLine, command_line
from tests.importing import importing_here
from tests.journeys import worlds

pytestmark = pytest.mark.journey

LONG = """\
schema: forebear/recipe/v1
output: text/{name}
method: fine_tuning
source: models:/library/tiny/1
data: {{train: datasets:/data/fruit/1}}
epochs: {epochs}
batch_size: 4
checkpoint_every: 5
"""
EPOCHS = 12
"""Of a run that is long enough to be killed in."""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a source model and data, to be copied."""
    folder = tmp_path_factory.mktemp("hardship")
    with command_line(folder) as forebear:
        forebear.ask("init")
        said = ("--task", "feature-extraction", "--modality", "text", "--licence", "MIT")
        with importing_here():
            forebear.ask("model", "import", "library/tiny", worlds.write_source(folder), *said)
        forebear.ask("dataset", "add", "data/fruit", worlds.write_sentences(folder), "--licence", "CC0-1.0")
    return folder


@pytest.fixture
def forebear(prepared: Path, tmp_path: Path) -> Iterator[CommandLine]:
    shutil.copytree(prepared / "home", tmp_path / "home")
    with command_line(tmp_path) as typed:
        yield typed


@pytest.fixture(scope="module")
def finished(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Any]]:
    """Such a home after a run that nobody disturbed, and its step. Later workers are forked: no libraries to load."""
    folder = tmp_path_factory.mktemp("finished")
    shutil.copytree(prepared / "home", folder / "home")
    with command_line(folder) as typed, pytest.MonkeyPatch.context() as patch:
        patch.setenv(WARM_SECONDS, "300")
        step = run(typed, "whole", EPOCHS)
    yield folder, step
    shutil.rmtree(folder / "home" / FOLDER, ignore_errors=True)  # a fork server without a socket ends


@pytest.fixture
def whole(finished: tuple[Path, Any]) -> Any:
    """The step of the run that nobody disturbed, which `after` holds."""
    return finished[1]


@pytest.fixture
def after(finished: tuple[Path, Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[CommandLine]:
    """A command line on the home with that run, which tests share: each runs a step of another name."""
    with command_line(finished[0]) as typed:
        monkeypatch.setenv(WARM_SECONDS, "300")
        yield typed


def run(forebear: CommandLine, name: str, epochs: int, *words: str) -> Any:
    recipe = worlds.write_recipe(forebear.home.parent, LONG.format(name=name, epochs=epochs))
    return forebear.ask("transfer", "run", recipe, *words)


def wait_for(what: Any, seconds: float = 240) -> Any:
    """Poll until `what()` is true. Raises: AssertionError when it never is."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := what():
            return found
        time.sleep(0.05)
    raise AssertionError("it never happened")


def worker_of(home: Path, step: str) -> int:
    """The process number of a step's worker, by its command line."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                words = (folder / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if step.encode() in words and b"registry.worker" in words:
                return int(folder.name)
    raise AssertionError(f"no worker runs {step}")


def digest_of(forebear: CommandLine, step: Any) -> str:
    return str(forebear.ask("model", "show", step["summary"]["output"])["summary"]["digest"])


def is_forked(forebear: CommandLine, step: Any) -> bool:
    return "Forked from process" in forebear("transfer", "logs", step["summary"]["id"]).out


def test_the_same_recipe_gives_the_same_digest_again_from_a_started_and_a_forked_worker(
    after: CommandLine, whole: Any
) -> None:
    if is_possible():
        wait_for(lambda: list((after.home / FOLDER).glob("*.sock")))
    again = run(after, "again", EPOCHS)
    assert (is_forked(after, whole), is_forked(after, again)) == (False, is_possible())
    assert digest_of(after, again) == digest_of(after, whole)


def test_the_manifest_lists_every_input_and_output(after: CommandLine, whole: Any) -> None:
    manifest = whole["manifest"]
    assert {i["role"]: i["assurance"] for i in manifest["inputs"]} == dict.fromkeys(
        ("source", "train", "validation", "test"), "observed"
    )
    assert all(i["digest"].startswith("sha256:") for i in manifest["inputs"])
    assert manifest["recipe"]["seed"] == 0
    assert manifest["recipe"]["batch_size"] == 4
    assert set(manifest["recipe"]["submitted"]) == {"text", "git", "threads"}
    assert {"forebear", "python", "libraries"} <= set(manifest["environment"])
    assert {"torch", "transformers", "numpy"} <= set(manifest["environment"]["libraries"])
    assert {"device", "precision", "machine", "cpu", "cores"} <= set(manifest["hardware"])
    assert manifest["started_at"] < manifest["ended_at"]
    assert manifest["wall_seconds"] >= manifest["device_seconds"] > 0
    assert manifest["flops"]["estimate"] > 0
    assert manifest["flops"]["method"]
    assert 0 < manifest["parameters"]["trainable_share"] <= 1
    data = next(i["digest"] for i in manifest["inputs"] if i["role"] == "test")
    measured = [m for m in manifest["metrics"] if m["role"] == "test"]
    assert {"accuracy", "baseline_accuracy"} <= {m["name"] for m in measured}
    assert {m["data"] for m in measured} == {data}
    (output,) = manifest["outputs"]
    shown = after.ask("model", "show", output["ref"])
    assert output["digest"] == shown["summary"]["digest"]
    assert {f["path"] for f in output["files"]} == {f["path"] for f in shown["files"]}
    made = after.ask("transfer", "show", after.ask("model", "show", "library/tiny/1")["step"])["manifest"]
    assert {"torch", "safetensors"} <= set(made["environment"]["libraries"])
    assert made["hardware"]["cpu"] == manifest["hardware"]["cpu"]


def test_a_killed_worker_resumes_to_the_same_bits(
    after: CommandLine, whole: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv(WARM_SECONDS, "0")  # kills of forked workers are among the slow tests
        step = run(after, "killed", EPOCHS, "--background")["summary"]["id"]
    checkpoints = after.home / "work" / step / "checkpoints"
    # A whole one, which is written under another name, and then the seconds up to it.
    wait_for(lambda: any(checkpoints.glob("step-*")) and (checkpoints.parent / "wall.json").exists())
    os.killpg(os.getpgid(worker_of(after.home, step)), signal.SIGKILL)
    shown = wait_for(lambda: (s := after.ask("transfer", "show", step))["summary"]["state"] == "interrupted" and s)
    assert shown["summary"]["output"] is None
    assert shown["manifest"] is None
    resumed = after.ask("transfer", "resume", step)
    assert resumed["summary"]["state"] == "succeeded"
    assert resumed["manifest"]["facts"]["resumed_from"] > 0
    assert resumed["manifest"]["threads"] == whole["manifest"]["threads"]
    assert resumed["manifest"]["wall_seconds"] >= resumed["manifest"]["device_seconds"]
    assert digest_of(after, resumed) == digest_of(after, whole)


def rows(home: Path, *tables: str) -> dict[str, int]:
    """How many rows each table has."""
    with closing(sqlite3.connect(home / "registry.db")) as database:
        return {name: database.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables}


def blobs(home: Path) -> list[Path]:
    return sorted(path for path in (home / "blobs").rglob("*") if path.is_file())


def test_a_cancelled_step_stops_at_once_and_leaves_nothing_but_its_record(after: CommandLine) -> None:
    tables = ("version", "file", "extent", "metric", "asset")
    before = rows(after.home, *tables), blobs(after.home)
    step = run(after, "cancelled", 400, "--background")["summary"]["id"]
    wait_for(lambda: after.ask("transfer", "show", step)["summary"]["epoch"] > 0)
    worker = worker_of(after.home, step)
    asked = time.monotonic()
    cancelled = after.ask("transfer", "cancel", step)["summary"]
    took = time.monotonic() - asked
    print(f"cancelled in {took:.2f} s")
    assert cancelled["state"] == "cancelled"
    wait_for(lambda: born_at(worker) is None, 10)  # killed; on a busy machine the system takes a moment to say so
    assert took < GRACE_SECONDS, "it was not waited for, and needed no second request"
    assert not (after.home / "work" / step).exists()
    assert (rows(after.home, *tables), blobs(after.home)) == before
    assert after.refused("model", "show", "text/cancelled")["code"] == "not-found"
    assert after.refused("transfer", "resume", step)["code"] == "step-state"
    assert after.refused("transfer", "cancel", step)["code"] == "step-state"


def test_a_killed_import_leaves_nothing_behind(forebear: CommandLine, tmp_path: Path) -> None:
    before = forebear.ask("model", "list")
    source = worlds.write_source(tmp_path / "again")
    words = ["model", "import", "library/killed", str(source), "--task", "feature-extraction", "--licence", "MIT"]
    process = subprocess.Popen([sys.executable, "-m", "registry.cli", *words], start_new_session=True)
    work = forebear.home / "work"
    wait_for(lambda: work.is_dir() and any(p.name.startswith("import-") for p in work.iterdir()))
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert forebear.ask("model", "list") == before
    with importing_here():
        forebear.ask(*words)
    assert not [p for p in work.iterdir() if p.name.startswith("import-")]


def test_data_that_changed_in_the_store_is_not_trained_on(forebear: CommandLine) -> None:
    files = forebear.ask("dataset", "show", "data/fruit")["files"]
    digest = files[0]["sha256"].removeprefix("sha256:")
    blob = next(p for p in (forebear.home / "blobs").rglob(f"*{digest[4:]}*") if p.is_file())
    blob.chmod(0o644)
    body = bytearray(blob.read_bytes())
    body[10] ^= 1
    blob.write_bytes(body)
    step = forebear("transfer", "run", worlds.write_recipe(forebear.home.parent), "--output", "json")
    assert step.code == 7
    assert "dataset-changed" in step.err + step.out
    assert forebear.refused("model", "show", "text/fruit")["code"] == "not-found"


def test_damage_is_found_named_and_repaired_from_a_backup(forebear: CommandLine, tmp_path: Path) -> None:
    assert forebear("store", "status").code == 0
    assert "never verified" in forebear("doctor").out
    backup = shutil.copytree(forebear.home / "blobs", tmp_path / "backup")
    weights = max(blobs(forebear.home), key=lambda path: path.stat().st_size)
    weights.chmod(0o644)
    with weights.open("r+b") as file:
        file.seek(5000)
        file.write(b"flip")
    said = forebear("store", "verify")
    assert said.code == 7
    assert "models:/library/tiny/1" in said.out
    assert "datasets:/data/fruit/1" not in said.out
    assert forebear("store", "status").code == 7
    assert "active, damaged" in forebear("model", "show", "library/tiny/1").out
    assert forebear("doctor").code == 1
    for refused in (
        ("model", "pull", "library/tiny/1", tmp_path / "pulled"),
        ("transfer", "run", worlds.write_recipe(forebear.home.parent)),
        ("promote", "request", "library/tiny/1", "--to", "candidate"),
    ):
        assert forebear.refused(*refused)["code"] in {"damaged", "policy-refused"}, refused
    repaired = forebear("store", "repair", "--from", backup)
    assert repaired.code == 0
    assert "Restored models:/library/tiny/1" in repaired.out
    assert forebear("doctor", "--deep").code == 0
    assert forebear.ask("model", "pull", "library/tiny/1", tmp_path / "pulled")["files"] > 0


def test_an_edited_audit_log_is_found_out(forebear: CommandLine) -> None:
    assert forebear.ask("audit", "verify")["intact"]
    with sqlite3.connect(forebear.home / "registry.db") as database:
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP TRIGGER {name}")
        database.execute("UPDATE audit_entry SET body = replace(CAST(body AS TEXT), 'ana', 'eve') WHERE seq = 2")
    database.close()
    said = forebear("audit", "verify", "--output", "json")
    assert said.code == 7
    assert "Entry 2" in said.out + said.err


def test_a_tracker_that_is_down_never_fails_a_step(after: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOREBEAR_MLFLOW_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    step = run(after, "unmirrored", 1)
    assert step["summary"]["state"] == "succeeded"
    identity = step["summary"]["id"]
    shown = wait_for(lambda: (m := after.ask("transfer", "show", identity)["mirror"])["state"] == "failing" and m)
    assert shown["attempts"] == 1
    assert shown["error"]


def test_a_full_disk_is_reported_and_leaves_nothing(prepared: Path, tmp_path: Path) -> None:
    """On a small disk of its own (a tmpfs in a mount namespace), an import runs out of room."""
    script = f"""
    set -e
    mkdir -p {tmp_path}/small
    mount -t tmpfs -o size=2m none {tmp_path}/small
    cp -r {prepared}/home {tmp_path}/small/home
    dd if=/dev/zero of={tmp_path}/small/filler bs=1k 2>/dev/null || true
    truncate -s -40k {tmp_path}/small/filler
    export FOREBEAR_HOME={tmp_path}/small/home FOREBEAR_ACTOR=ana
    set +e
    {sys.executable} -m registry.cli model import library/big {prepared}/tiny --licence MIT --task x --tag a=b
    echo "exit $?"
    rm {tmp_path}/small/filler
    {sys.executable} -m registry.cli model list --output json
    find {tmp_path}/small/home -name 'import-*' -o -name '*.tmp*' -o -name '.tmp*'
    """
    done = in_mount_namespace(script)
    assert "exit 10" in done.stdout, done.stdout + done.stderr
    assert "[no-space]" in done.stderr
    assert "library/big" not in done.stdout
    assert done.stdout.rstrip().endswith("}"), done.stdout


def test_with_a_full_disk_a_token_still_lets_its_owner_read(prepared: Path, tmp_path: Path) -> None:
    """The last use of an idle token cannot be written then."""
    program = f"""
import sys
from pathlib import Path
from registry import bootstrap
from registry.settings import Settings
home = Path("{tmp_path}/small/home")
with bootstrap.open_system(home, settings=Settings()) as system:  # a server that runs when the disk fills up
    with bootstrap.open(home, settings=Settings(), actor="ana") as ana:
        secret = ana.people.create_token("ana", label="laptop").secret
    filler = open("{tmp_path}/small/filler", "wb", buffering=0)
    try:
        while True:
            filler.write(b"0" * 1024)
    except OSError:
        pass
    actor = system.sessions.authenticate(secret)
    print(actor.handle, len(system.as_actor(actor).audit.search().items) > 0)
"""
    script = f"""
    set -e
    mkdir -p {tmp_path}/small
    mount -t tmpfs -o size=2m none {tmp_path}/small
    cp -r {prepared}/home {tmp_path}/small/home
    {sys.executable} -c '{program}'
    """
    done = in_mount_namespace(script)
    assert done.stdout == "ana True\n", done.stdout + done.stderr
    assert "could not be written" in done.stderr


def in_mount_namespace(script: str) -> subprocess.CompletedProcess[str]:
    """What a shell said, which may mount what it likes and nobody else sees it."""
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-rm", "true"], check=False).returncode:
        pytest.skip("this kernel gives no mount namespaces")
    return subprocess.run(["unshare", "-rm", "bash", "-c", script], capture_output=True, text=True, check=False)
