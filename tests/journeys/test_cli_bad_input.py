"""Bad input on the command line: one clear sentence, a stable code, a non-zero exit, and nothing left behind."""

from __future__ import annotations

import csv
import json
import os
import pickle
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.command_line import CommandLine, command_line
from tests.importing import importing_here
from tests.journeys import worlds

pytestmark = pytest.mark.journey

SAID = ("--task", "feature-extraction", "--modality", "text", "--licence", "MIT", "--origin", "made up")
ABOUT = ("--task", "text-classification", "--licence", "CC0-1.0", "--origin", "made up")


@pytest.fixture(scope="module")
def forebear(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """A home with one model and one dataset."""
    folder = tmp_path_factory.mktemp("bad")
    with command_line(folder) as typed:
        typed.ask("init")
        with importing_here():
            typed.ask("model", "import", "library/tiny", worlds.write_source(folder), *SAID)
        typed.ask("dataset", "add", "data/fruit", worlds.write_sentences(folder), *ABOUT)
        yield typed


@pytest.fixture(scope="module")
def held(forebear: CommandLine) -> dict[str, Any]:
    """What the home holds from beginning to end."""
    return contents(forebear)


@pytest.fixture(autouse=True)
def _nothing_is_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each refusal the home holds what it held before: models, data, steps, log entries, blobs, work folders."""
    if "forebear" not in request.fixturenames or "spare" in request.fixturenames:
        yield
        return
    held = request.getfixturevalue("held")
    yield
    assert contents(request.getfixturevalue("forebear")) == held


def contents(typed: CommandLine) -> dict[str, Any]:
    """What a home holds."""
    return {
        "models": typed.ask("model", "list")["items"],
        "datasets": typed.ask("dataset", "list")["items"],
        "steps": [step["id"] for step in typed.ask("transfer", "list")["items"]],
        "entries": typed.ask("audit", "verify")["entries"],
        "blobs": sorted(path.name for path in (typed.home / "blobs").rglob("*") if path.is_file()),
        "work": sorted(path.name for path in (typed.home / "work").glob("*")),
    }


def sentence(problem: Any, *parts: str) -> None:
    """The problem is one clear sentence that names the given things, on one line."""
    detail = problem["detail"]
    assert detail
    assert "\n" not in detail
    assert "Traceback" not in detail
    for part in parts:
        assert part in f"{detail} {problem['remedy']} {json.dumps(problem['facts'])}", problem


# --- names and references --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        ("models:/library/unknown/1", "not-found"),
        ("models:/library/tiny/9", "not-found"),
        ("models:/library/tiny@champion", "not-found"),
        ("models:/library", "bad-reference"),
        ("models:/library/tiny/one", "bad-reference"),
        ("models:/library/tiny/0", "bad-reference"),
        ("models:/library/tiny/1@champion", "bad-reference"),
        ("model:/library/tiny/1", "bad-reference"),
        ("models:/Library/tiny/1", "bad-name"),
        ("models:/library/../1", "bad-name"),
    ],
)
def test_a_missing_or_impossible_reference_is_reported(forebear: CommandLine, reference: str, code: str) -> None:
    said = forebear("model", "show", reference)
    assert said.code in {2, 3}
    assert said.out == ""
    assert said.err.startswith("Error: ")
    problem = forebear.refused("model", "show", reference)
    assert problem["code"] == code
    sentence(problem)


@pytest.mark.parametrize(
    "words",
    [
        ("dataset", "show", "datasets:/data/none/1"),
        ("transfer", "show", "step-01kaq0000000000000000000000"),
        ("transfer", "resume", "step-nonsense"),
        ("promote", "show", "req-01kaq0000000000000000000000"),
        ("policy", "show", "none"),
        ("role", "grant", "nobody", "validator"),
        ("lineage", "show", "models:/library/none/1"),
        ("history", "library/none"),
        ("evidence", "list", "library/none/1"),
        ("token", "revoke", "tok-01kaq0000000000000000000000"),
    ],
)
def test_every_kind_of_object_has_a_not_found_error(forebear: CommandLine, words: tuple[str, ...]) -> None:
    problem = forebear.refused(*words)
    assert problem["code"] == "not-found"
    assert problem["status"] == 404
    sentence(problem)


def test_a_cursor_of_another_list_is_refused(forebear: CommandLine) -> None:
    assert forebear.refused("model", "list", "--cursor", "nonsense")["code"] == "bad-cursor"


# --- recipes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (("epochs:", "epcohs:"), ("Line 6", "epcohs", "epochs")),
        (("feature_extraction", "feature_extracting"), ("Line 3", "feature_extraction")),
        (("epochs: 4", "epochs: many"), ("Line 6", "epochs")),
        (("data/fruit/1", "data/fruit/1, split: tset"), ("test",)),
        (("schema: forebear/recipe/v1\n", ""), ("schema",)),
        (("epochs: 4", "epochs: 4\nepochs: 5"), ("Line 7", "twice")),
    ],
)
def test_a_wrong_recipe_names_the_line_and_the_near_key(
    forebear: CommandLine, tmp_path: Path, change: tuple[str, str], parts: tuple[str, ...]
) -> None:
    recipe = worlds.write_recipe(
        tmp_path, worlds.RECIPE.replace("{train: datasets:/data/fruit/1}", DATA).replace(*change)
    )
    for words in (("recipe", "check"), ("transfer", "run")):
        problem = forebear.refused(*words, recipe)
        assert problem["code"] == "bad-recipe"
        sentence(problem, *parts)


DATA = "{train: {dataset: datasets:/data/fruit/1}}"


@pytest.mark.parametrize(("old", "new"), [("library/tiny/1", "library/none/1"), ("data/fruit/1", "data/none/1")])
def test_a_recipe_that_names_what_is_not_there_starts_nothing(
    forebear: CommandLine, tmp_path: Path, old: str, new: str
) -> None:
    problem = forebear.refused("transfer", "run", worlds.write_recipe(tmp_path, worlds.RECIPE.replace(old, new)))
    assert problem["code"] == "not-found"
    sentence(problem, new)


# --- data ------------------------------------------------------------------------------------------------------------


def write_table(folder: Path, *rows: tuple[str, str], header: tuple[str, str] = ("text", "label")) -> Path:
    """A CSV."""
    file = folder / "table.csv"
    with file.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([header, *rows])
    return file


def test_a_missing_column_is_named_with_those_that_are_there(forebear: CommandLine, tmp_path: Path) -> None:
    file = write_table(tmp_path, ("good", "a"), ("bad", "b"), header=("text", "lable"))
    problem = forebear.refused("dataset", "add", "data/bad", file, *ABOUT)
    assert problem["code"] == "bad-data"
    sentence(problem, "label", "lable")


def test_an_empty_class_is_named(forebear: CommandLine, tmp_path: Path) -> None:
    for name in ("apple", "pear"):
        (tmp_path / "fruit" / name).mkdir(parents=True)
    (tmp_path / "fruit" / "apple" / "1.txt").write_text("red")
    problem = forebear.refused("dataset", "add", "data/bad", tmp_path / "fruit", *ABOUT)
    assert problem["code"] == "bad-data"
    sentence(problem, "pear", "empty")


def test_one_class_only_is_refused(forebear: CommandLine, tmp_path: Path) -> None:
    file = write_table(tmp_path, *((f"text {n}", "only") for n in range(20)))
    problem = forebear.refused("dataset", "add", "data/bad", file, *ABOUT)
    assert problem["code"] == "bad-data"
    sentence(problem, "only")


def test_data_that_are_missing_are_reported(forebear: CommandLine, tmp_path: Path) -> None:
    problem = forebear.refused("dataset", "add", "data/bad", tmp_path / "nowhere", *ABOUT)
    assert problem["code"] in {"not-found", "bad-data"}
    sentence(problem, "nowhere")


# --- weights ---------------------------------------------------------------------------------------------------------


def whole_weights(folder: Path) -> Path:
    """A sound safetensors file of one tensor."""
    file = folder / "weights.safetensors"
    save_file({"weight": np.arange(4096, dtype=np.float32)}, file)
    return file


@pytest.mark.parametrize("harm", ["truncated", "header", "empty", "noise"])
def test_a_corrupt_weights_file_is_refused(forebear: CommandLine, tmp_path: Path, harm: str) -> None:
    file = whole_weights(tmp_path)
    content = file.read_bytes()
    file.write_bytes(
        {
            "truncated": content[:-100],
            "header": content[:8] + b"{" * 40 + content[48:],
            "empty": b"",
            "noise": bytes(range(256)) * 16,
        }[harm]
    )
    problem = forebear.refused("model", "import", "library/bad", file, *SAID)
    assert problem["code"] in {"bad-artifact", "unsafe-artifact"}
    assert problem["status"] == 422
    sentence(problem)


class Bomb:
    """Pickled, it makes a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("name", ["weights.pt", "weights.bin", "weights.safetensors"])
def test_a_pickle_that_runs_code_is_refused_and_never_runs(forebear: CommandLine, tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_bytes(pickle.dumps({"weight": Bomb(tmp_path / "went-off")}))
    problem = forebear.refused("model", "import", "library/bad", file, "--architecture", "efficientnet_lite0", *SAID)
    assert problem["code"] in {"unsafe-artifact", "bad-artifact"}
    sentence(problem)
    assert not (tmp_path / "went-off").exists()


def test_an_architecture_that_does_not_fit_names_the_tensors(forebear: CommandLine, tmp_path: Path) -> None:
    import torch

    file = tmp_path / "weights.pt"
    torch.save({"conv_stem.weight": torch.zeros(32, 3, 3, 3), "stranger.weight": torch.zeros(2)}, file)
    with importing_here():
        problem = forebear.refused("model", "import", "a/b", file, "--architecture", "efficientnet_lite0", *SAID)
    assert problem["code"] == "architecture-misfit"
    sentence(problem, "stranger.weight")


def test_an_unknown_architecture_is_reported(forebear: CommandLine, tmp_path: Path) -> None:
    import torch

    file = tmp_path / "weights.pt"
    torch.save({"weight": torch.zeros(2)}, file)
    with importing_here():
        problem = forebear.refused("model", "import", "a/b", file, "--architecture", "efficientnet_lite9", *SAID)
    assert problem["status"] in {400, 404, 422}
    sentence(problem, "efficientnet_lite9")


# --- the served itself ------------------------------------------------------------------------------------------------


@pytest.fixture
def spare(forebear: CommandLine, tmp_path: Path) -> CommandLine:
    """A copy of the home that a test may harm."""
    shutil.copytree(forebear.home, tmp_path / "spare")
    return CommandLine(tmp_path / "spare")


def at(home: CommandLine, *words: object) -> tuple[object, ...]:
    """The words of a command on another home."""
    return ("--home", home.home, *words)


def test_changed_bytes_of_a_dataset_are_found_before_they_are_used(
    forebear: CommandLine, spare: CommandLine, tmp_path: Path
) -> None:
    (file,) = forebear.ask("dataset", "show", "data/fruit/1")["files"]
    blob = next((spare.home / "blobs").rglob(file["sha256"].removeprefix("sha256:")))
    content = blob.read_bytes()
    blob.chmod(0o644)
    blob.write_bytes(content.replace(b"apple", b"peach", 1))
    for words in (
        ("dataset", "pull", "data/fruit/1", "--to", tmp_path / "out"),
        ("transfer", "run", worlds.write_recipe(tmp_path)),
    ):
        problem = forebear.refused(*at(spare, *words))
        sentence(problem, "not what was registered")
    assert not (tmp_path / "out").exists()
    (step,) = [s for s in forebear.ask(*at(spare, "transfer", "list"))["items"] if s["method"] != "import"]
    assert step["state"] == "failed"
    assert step["output"] is None


def test_a_database_newer_than_the_code_is_left_alone(forebear: CommandLine, spare: CommandLine) -> None:
    with sqlite3.connect(spare.home / "registry.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    said = forebear(*at(spare, "model", "list"))
    assert said.code == 8
    assert "[database-new]" in said.err
    assert forebear.refused(*at(spare, "init", "--upgrade"))["code"] == "database-new"


def test_a_changed_entry_of_the_log_is_named(forebear: CommandLine, spare: CommandLine) -> None:
    with sqlite3.connect(spare.home / "registry.db") as database:
        triggers = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]
        for name in triggers:
            database.execute(f'DROP TRIGGER "{name}"')
        database.execute("UPDATE audit_entry SET body = replace(body, 'ana', 'eve') WHERE seq = 3")
    database.close()
    problem = forebear.refused(*at(spare, "audit", "verify"))
    assert problem["code"] == "audit-broken"
    assert problem["facts"]["first_bad"] == 3
    assert forebear(*at(spare, "audit", "verify")).code == 7


def test_a_full_disk_leaves_no_part_of_a_file(forebear: CommandLine, spare: CommandLine, tmp_path: Path) -> None:
    """On a real file system of four megabytes, in a mount namespace of its own."""
    if subprocess.run(["unshare", "--user", "--map-root-user", "--mount", "true"], check=False).returncode:
        pytest.skip("this machine does not let a user mount a small disk")
    big = tmp_path / "big.safetensors"
    save_file({"weight": np.random.default_rng(1).random(4_000_000, dtype=np.float32)}, big)
    disk = tmp_path / "disk"
    disk.mkdir()
    words = [sys.executable, "-m", "registry.cli", "--home", str(disk / "home"), "--output", "json"]
    script = (
        'mount -t tmpfs -o size=4m tmpfs "$1" && cp -r "$2" "$1/home" && shift 2 && '
        '"$@"; code=$?; echo; find "$HOME_AFTER/blobs" -type f | wc -l; exit $code'
    )
    alone = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", str(disk), str(spare.home)]
    done = subprocess.run(
        [*alone, *words, "model", "import", "library/big", str(big), *SAID],
        env={**os.environ, "HOME_AFTER": str(disk / "home"), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    problem = json.loads(done.stderr.splitlines()[-1])
    assert (done.returncode, problem["code"]) == (10, "no-space"), done.stderr
    sentence(problem, "full")
    held = sum(1 for path in (spare.home / "blobs").rglob("*") if path.is_file())
    assert int(done.stdout.split()[-1]) == held


def test_an_import_that_is_killed_leaves_no_version_and_can_be_done_again(
    forebear: CommandLine, spare: CommandLine, tmp_path: Path
) -> None:
    big = tmp_path / "big.safetensors"
    save_file({"weight": np.random.default_rng(1).random(20_000_000, dtype=np.float32)}, big)
    words = [
        sys.executable,
        "-m",
        "registry.cli",
        "--home",
        str(spare.home),
        "model",
        "import",
        "library/big",
        str(big),
        *SAID,
    ]
    running = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    work = spare.home / "work"
    while running.poll() is None and not any(work.rglob("*.safetensors")):
        time.sleep(0.005)
    assert running.poll() is None, "it was over before it could be killed"
    os.killpg(running.pid, signal.SIGKILL)
    running.communicate()
    assert forebear.refused(*at(spare, "model", "show", "library/big"))["code"] == "not-found"
    assert forebear.ask(*at(spare, "audit", "verify"))["intact"]
    again = forebear.ask(*at(spare, "model", "import", "library/big", big, *SAID))
    assert again["summary"]["ref"] == "models:/library/big/1"
