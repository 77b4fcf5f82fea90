"""The example of docs/writing-an-adapter.md: installed, used, and tested with the contract of transfer adapters."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from lineage import Digest
from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import DataFormat, LabelKind, Row
from registry.domain.recipes.recipe import Method
from registry.errors import BadDataError, BadRecipeError
from registry.ports.transfers import DataInput, ModelInput
from tests.adapters.loop.worlds import CLASSES, SPLITS, World, finish, tree
from tests.contracts import test_transfer_adapter as contract
from tests.journeys import worlds

PAGE = Path(__file__).resolve().parents[2] / "docs" / "writing-an-adapter.md"
MODULE = "forebear_perceptron"


def blocks(language: str) -> list[str]:
    """The fenced blocks of the page in that language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def install(site: Path) -> Path:
    """Install the package of the page into `site` as pip would: the module, and metadata with the entry points."""
    project = tomllib.loads(blocks("toml")[0])["project"]
    (site / f"{MODULE}.py").write_text(blocks("python")[0], encoding="utf-8")
    info = site / f"{MODULE}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    lines = [
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in points.items())
        for group, points in project["entry-points"].items()
    ]
    (info / "entry_points.txt").write_text("\n".join(lines))
    return site


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The module of the page."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(install(tmp_path_factory.mktemp("site"))))
        yield import_module(MODULE)
        sys.modules.pop(MODULE, None)


def learnt_elsewhere(file: Path, *, classes: int = 3, width: int = 16) -> None:
    """An MLPClassifier on blobs, written as the page says."""
    from sklearn.neural_network import MLPClassifier

    draw = np.random.default_rng(2)
    y = np.arange(120) % classes
    x = draw.normal(size=(classes, width))[y] + draw.normal(scale=0.3, size=(120, width))
    code = blocks("python")[1].replace('"mlp.npz"', "file")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # however it converges, it is a source
        exec(code, {"MLPClassifier": MLPClassifier, "np": np, "x": x, "y": y, "file": file})


def blob_data(folder: Path) -> DataInput:
    """Rows of sixteen numbers around three places."""
    draw, rows, x = np.random.default_rng(5), list[Row](), []
    places = draw.normal(size=(3, 16))
    for split, count in SPLITS.items():
        for _ in range(count):
            x.append((places[len(rows) % 3] + draw.normal(scale=0.7, size=16)).astype(np.float32))
            label = CLASSES[len(rows) % 3]
            rows.append(Row(len(rows), Digest.of(x[-1].tobytes()), split, label, path="blobs.npz", index=len(rows)))
    np.savez(folder / "blobs.npz", x=np.stack(x))
    return DataInput(
        folder, Digest.of(b"blobs"), "test/blobs/1", DataFormat.NPZ, Modality.TABULAR, tuple(rows), "train"
    )


@pytest.fixture
def world(adapter: Any, tmp_path: Path) -> World:
    learnt_elsewhere(tmp_path / "mlp.npz")
    (tmp_path / "source").mkdir()
    adapter.ScikitImporter().convert(tmp_path / "mlp.npz", tmp_path / "source", architecture=None)
    source = ModelInput(tmp_path / "source", Digest.of(b"mlp"), "source", "perceptron", "test/parent/1")
    return World(adapter.PerceptronTransfers(), source, blob_data(tmp_path), "trunk.2", tmp_path)


# --- one file ------------------------------------------------------------------------------------------------------


def test_the_adapter_of_the_page_is_one_short_file() -> None:
    assert blocks("python")[0].count("\n") <= 155


@pytest.mark.parametrize("classes", [2, 3])
def test_what_scikit_learn_answers_the_imported_one_answers(adapter: Any, tmp_path: Path, classes: int) -> None:
    learnt_elsewhere(tmp_path / "mlp.npz", classes=classes)
    importer = adapter.ScikitImporter()
    assert importer.detect(tmp_path / "mlp.npz").architecture == "perceptron"
    (tmp_path / "target").mkdir()
    importer.convert(tmp_path / "mlp.npz", tmp_path / "target", architecture=None)
    ours = load_file(tmp_path / "target/model.safetensors")
    with np.load(tmp_path / "mlp.npz") as arrays:
        last = np.random.default_rng(1).normal(size=(5, len(arrays["coef_2"])))
        theirs = last @ arrays["coef_2"] + arrays["intercept_2"]
    mine = last @ ours["head.weight"].double().numpy().T + ours["head.bias"].double().numpy()
    if classes == 2:
        mine = mine[:, 1:] - mine[:, :1]
    assert mine == pytest.approx(theirs, abs=1e-5)


@pytest.mark.parametrize("arrays", [{"x": np.zeros(3)}, None], ids=["other arrays", "no arrays"])
def test_the_importer_leaves_alone_what_it_does_not_know(
    adapter: Any, tmp_path: Path, arrays: dict[str, Any] | None
) -> None:
    source = tmp_path / "source.npz"
    np.savez(source, **arrays) if arrays else source.write_bytes(b"PK\x03\x04 nothing")
    assert adapter.ScikitImporter().detect(source) is None
    assert adapter.ScikitImporter().detect(tmp_path) is None


def test_rows_of_another_length_are_refused(adapter: Any, world: World, tmp_path: Path) -> None:
    np.savez(tmp_path / "blobs.npz", x=np.zeros((len(world.data.rows), 4), dtype=np.float32))
    with pytest.raises(BadDataError, match="have 4 numbers, not 16"):
        list(world.adapter.run(world.job()))


def test_its_own_parameter_is_offered_where_it_has_a_meaning_and_changes_what_is_learnt(world: World) -> None:
    assert "noise" in world.adapter.offer.known(Method.FINE_TUNING)
    assert "noise" not in world.adapter.offer.known(Method.FEATURE_EXTRACTION)
    plain, _ = finish(world, world.job("plain"))
    noisy, _ = finish(world, world.job("noisy", params={"noise": 0.5}))
    assert tree(plain.folder)["model.safetensors"] != tree(noisy.folder)["model.safetensors"]
    with pytest.raises(BadRecipeError, match=r"params\.noise: expected a number from 0 to 10, not 99"):
        list(world.adapter.run(world.job(params={"noise": 99})))


# --- the contract --------------------------------------------------------------------------------------------------

EACH_WAY: list[Callable[[World, Method], None]] = [
    contract.test_events_come_in_order_and_end_with_one_finished,
    contract.test_the_same_job_gives_the_same_bytes,
    contract.test_a_finished_run_resumed_writes_the_same_again,
    contract.test_what_is_learnt_beats_the_commonest_class,
    contract.test_predictions_per_test_row_recompute_the_recorded_accuracy,
    contract.test_test_labels_change_nothing_but_what_is_reported,
    contract.test_a_run_leaves_torch_as_it_found_it,
]
ONCE: list[Callable[[World], None]] = [
    contract.test_resume_keeps_the_thread_count_of_the_first_attempt,
    contract.test_checkpoints_of_another_recipe_are_refused,
    contract.test_layers_before_until_stay_and_the_rest_learns,
    contract.test_full_fine_tuning_moves_every_layer,
    contract.test_without_validation_data_the_last_epoch_is_kept,
    contract.test_a_child_with_a_head_for_the_same_classes_keeps_it,
    contract.test_a_child_for_other_classes_gets_a_new_head,
    contract.test_features_are_computed_once_and_shared,
    contract.test_a_source_that_is_not_there_is_an_error_of_the_registry,
    contract.test_a_diverging_loss_stops_with_advice_and_keeps_the_last_good_checkpoint,
    contract.test_what_the_adapter_offers_is_what_it_does,
]


@pytest.mark.parametrize("check", EACH_WAY, ids=lambda check: check.__name__.removeprefix("test_"))
@contract.both
def test_it_keeps_the_contract_of_every_method(
    world: World, method: Method, check: Callable[[World, Method], None]
) -> None:
    check(world, method)


@pytest.mark.parametrize("check", ONCE, ids=lambda check: check.__name__.removeprefix("test_"))
def test_the_adapter_fulfils_the_contract_of_transfer_adapters(world: World, check: Callable[[World], None]) -> None:
    check(world)


@contract.both
@pytest.mark.parametrize("every", [0, 4], ids=["epochs", "steps"])
def test_it_resumes_to_the_same_bytes(world: World, method: Method, every: int) -> None:
    contract.test_an_interrupted_run_resumes_to_the_same_bytes(world, method, every)


def test_a_probe_leaves_its_trunk_bit_for_bit_as_it_was(world: World) -> None:
    done, _ = finish(world, world.job(method=Method.FEATURE_EXTRACTION))
    parent, child = (load_file(folder / "model.safetensors") for folder in (world.source.folder, done.folder))
    kept = [name for name in parent if name.startswith("trunk.")]
    assert len(kept) == 4
    assert all(torch.equal(parent[name], child[name]) for name in kept)


def test_it_learns_numbers_and_several_classes_too(world: World) -> None:
    for labels, said in ((LabelKind.NUMBER, "{}.5"), (LabelKind.MANY, "c{}|all")):
        rows = tuple(replace(row, label=said.format(row.key % 3)) for row in world.data.rows)
        job = world.job(labels.value, metrics=("loss",))
        data = {role: replace(world.data, rows=rows, labels=labels, split=role) for role in job.data}
        done, measured = finish(world, replace(job, data=data))
        again = replace(world.child(done), data=data["train"])
        assert finish(again, replace(again.job(f"{labels.value}-2", metrics=("loss",)), data=data))[0].facts[
            "head_kept"
        ] is (labels is LabelKind.MANY)
        assert measured["test", "loss"] >= 0


# --- by command line -----------------------------------------------------------------------------------------------


@pytest.fixture
def typed(tmp_path: Path) -> Callable[[str], str]:
    """Types a line in a folder with the page's files, with the page's package installed; gives what it said."""
    site = tmp_path / "site"
    site.mkdir()
    environment = os.environ | {
        "PYTHONPATH": str(install(site)),
        "FOREBEAR_HOME": str(tmp_path / "home"),
        "FOREBEAR_ACTOR": "ana",
        "FOREBEAR_MLFLOW_URI": "off",
        "OMP_NUM_THREADS": "1",
    }
    worlds.write_source(tmp_path)
    worlds.write_sentences(tmp_path)
    learnt_elsewhere(tmp_path / "mlp.npz")
    for name, text in zip(("features.yaml", "tabular.yaml"), blocks("yaml"), strict=True):
        (tmp_path / name).write_text(text)

    def typing(line: str) -> str:
        program, *words = shlex.split(line)
        assert program == "forebear"
        command = [sys.executable, "-m", "registry.cli", *words]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    return typing


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_the_commands_of_the_page_do_what_it_says(typed: Callable[[str], str]) -> None:
    said = [typed(line) for line in blocks("sh")[0].splitlines()]
    tree = said[-1]
    assert tree.splitlines()[0].startswith("tabular/fruit/1")
    for ancestor in ("library/mlp/1", "features/fruit/1", "data/fruit/1", "library/tiny/1"):
        assert ancestor in tree, tree
    shown = typed("forebear model show models:/tabular/fruit/1")
    assert "perceptron" in shown
