"""`forebear recommend`, with an adapter whose features follow the labels as closely as the name of the model says."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from adapters.selection.scorer import StandardScorer
from registry.domain.catalog.models import Status
from registry.domain.data.datasets import DataFormat, LabelKind
from registry.domain.names import Name, Reference
from registry.domain.recipes.recipe import Method
from registry.domain.selection.report import SelectionReport
from registry.domain.verbs.catalog import ImportModel
from registry.domain.verbs.data import AddDataset
from registry.domain.verbs.lineage import Use
from registry.domain.verbs.selection import Recommend
from registry.errors import InvalidError, NotFoundError
from registry.ports.scoring import Scorer
from registry.ports.transfers import Finished, TransferEvent, TransferJob
from registry.services.catalog.verbs import Catalog
from registry.services.context import Context
from registry.services.data.verbs import Datasets
from registry.services.selection.verbs import Selection
from registry.services.transfers.verbs import Transfers
from registry.storage.database import default_url, open_database
from tests.fakes.clock import FakeClock
from tests.fakes.plugins import FakeAdapter, FakePlugins
from tests.registry.services.registries import open_context

DATA = Reference.parse("datasets:/data/reviews")
TABLE = (
    "text,label,split\n"
    + "".join(
        f"review {n} {'zz' if n % 3 else 'aa'},{'good' if n % 3 else 'bad'},{'test' if n % 10 == 9 else 'train'}\n"
        for n in range(100)
    )
    + "".join(f"odd {n},good,odd\n" for n in range(12))
)
STRENGTHS = {"strong": 3.0, "fair": 3.0, "weak": 0.0, "broken": np.nan}


@dataclass
class Reading(FakeAdapter):
    """Features of which the first follows the label as closely as the name of the source says; the rest are noise."""

    def run(self, job: TransferJob) -> Iterator[TransferEvent]:
        self.jobs.append(job)
        name = next(name for name in STRENGTHS if name in job.sources[0].label)
        rows = sorted(job.data["train"].chosen, key=lambda row: row.key)
        x = np.random.default_rng([len(name), len(rows)]).normal(size=(len(rows), 4)).astype(np.float32)
        x[:, 0] += [STRENGTHS[name] * ("aa" in (row.text or "")) for row in rows]
        output = job.work / "output"
        output.mkdir(parents=True)
        np.savez(output / "features.npz", x=x)
        facts = {"features_computed": len(rows)}
        yield Finished(output, "", 1.0, 2.0, "by hand", (), facts, DataFormat.NPZ, LabelKind.CLASS)


def add_model(context: Context, folder: Path, name: str, *, scale: float = 1.5, licence: str = "apache-2.0") -> None:
    source = folder / name
    source.mkdir(parents=True)
    size = 3 + len(name)
    tensors = {"norm.weight": np.full(size, scale), "norm.bias": np.zeros(size)}
    tensors |= {"last.weight": np.full(size, scale), "last.bias": np.zeros(size)}
    save_file(tensors, source / "model.safetensors")
    Catalog(context).import_model(ImportModel(Name("library", name), str(source), licence=licence))


def add_data(context: Context, folder: Path, text: str, name: str = "reviews", labels: LabelKind | None = None) -> None:
    file = folder / f"{name}.csv"
    file.write_text(text, encoding="utf-8")
    Datasets(context).add(AddDataset(Name("data", name), str(file), licence="cc0-1.0", labels=labels))


@pytest.fixture(scope="module")
def context(_migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Context]:
    """One registry for all tests here, which only read and recommend: its data is read once."""
    folder = tmp_path_factory.mktemp("selection")
    (folder / "home").mkdir()
    shutil.copy(_migrated_file, folder / "home" / "registry.db")
    adapter = Reading()
    adapter.offer = replace(adapter.offer, methods=frozenset({Method.FEATURE_EXTRACTION, Method.FINE_TUNING}))
    clock = FakeClock()
    with open_database(default_url(folder / "home")) as database:
        found = open_context(
            database.factory(clock), clock, folder / "home", role="admin", plugins=FakePlugins(fake_adapter=adapter)
        )
        add_data(found, folder, TABLE)
        add_data(found, folder, "text\n" + "".join(f"row {n}\n" for n in range(30)), "bare", LabelKind.NONE)
        for name in ("strong", "fair", "weak", "broken"):
            add_model(found, folder, name)
        add_model(found, folder, "strong-untrained", scale=1.0)
        add_model(found, folder, "fair-unsold", licence="cc-by-nc-4.0")
        add_model(found, folder, "weak-suspended")
        Catalog(found).set_status(Reference.parse("models:/library/weak-suspended/1"), Status.SUSPENDED, "a doubt")
        yield found


def recommend(context: Context, *models: str, **wanted: object) -> SelectionReport:
    named = tuple(Reference.parse(f"models:/library/{name}") for name in models)
    return Selection(context).recommend(Recommend(DATA, models=named, **wanted))  # type: ignore[arg-type]


def order(report: SelectionReport) -> Sequence[str]:
    return [one.ref.name.name for one in report.ranked]


def test_the_model_whose_features_follow_the_labels_comes_first(context: Context) -> None:
    report = recommend(context, "weak", "strong")
    assert order(report) == ["strong", "weak"]
    assert report.conclusion.startswith("Start from library/strong/1: accuracy ")
    assert (report.rows, report.scored) == (90, 90)
    first, second = report.ranked
    assert first.score.low <= first.score.value <= first.score.high
    assert second.behind is not None
    assert second.behind.low > 0
    assert set(first.scores) == {"probe", "neighbours", "logme", "h_score"}


def test_models_that_the_rows_do_not_tell_apart_are_no_clear_winner(context: Context) -> None:
    report = recommend(context, "strong", "fair")
    assert report.conclusion.startswith("No clear winner among these 2: ")


def test_a_classical_model_that_does_as_well_is_the_answer(context: Context) -> None:
    report = recommend(context, "weak")  # the baseline sees lengths: it answers the commonest class, as this model does
    assert "a transfer may not be worth its cost" in report.conclusion


def test_an_untrained_checkpoint_comes_last_whatever_it_scores(context: Context) -> None:
    report = recommend(context, "strong-untrained", "weak")
    assert order(report) == ["weak", "strong-untrained"]
    assert "it was never trained" in report.ranked[1].flag
    assert [start.model.name.name for start in report.starts] == ["weak"]


def test_every_model_that_is_left_out_has_its_reason(context: Context) -> None:
    report = recommend(context, use=Use.COMMERCIAL)
    assert order(report)[0] in {"strong", "fair"}
    reasons = {one.ref.name.name: one.reason for one in report.left_out}
    assert set(reasons) == {"weak-suspended", "fair-unsold", "broken"}
    assert "suspended" in reasons["weak-suspended"]
    assert "do not allow commercial use" in reasons["fair-unsold"]
    assert "not finite numbers" in reasons["broken"]


def test_where_no_model_can_be_scored_the_error_says_what_each_lacks_and_nothing_is_left(context: Context) -> None:
    before = Selection(context).reports()
    with pytest.raises(NotFoundError, match=r"library/broken/1: The features hold values that are not finite"):
        recommend(context, "broken")
    assert Selection(context).reports() == before
    assert not list((context.home / "work").iterdir())


def test_data_that_cannot_be_scored_is_refused(context: Context) -> None:
    with pytest.raises(InvalidError, match="has no labels"):
        Selection(context).recommend(Recommend(Reference.parse("datasets:/data/bare")))
    with pytest.raises(InvalidError, match="of one class"):
        recommend(context, "strong", split="odd")
    with pytest.raises(InvalidError, match="has no split 'dev'"):
        recommend(context, "strong", split="dev")
    with pytest.raises(InvalidError, match="10 to 10,000 rows"):
        recommend(context, "strong", rows=3)


def test_a_cap_draws_evenly_over_the_classes_and_says_what_it_costs(context: Context) -> None:
    report = recommend(context, "strong", rows=30)
    assert report.scored == 30
    assert any("Scored on 30 of 90 rows" in note and "1.7 times as wide" in note for note in report.notes)
    plugins = context.plugins
    assert isinstance(plugins, FakePlugins)
    read = plugins.fake_adapter.jobs[-1].data["train"]
    assert sum(row.label == "bad" for row in read.rows) == 10
    assert read.digest != report.data  # features of a part are never taken for those of all rows
    recommend(context, "strong")
    assert plugins.fake_adapter.jobs[-1].data["train"].digest == report.data


def test_the_recipes_are_ready_and_name_the_report(context: Context) -> None:
    report = recommend(context, "strong", "fair", "weak")
    assert [start.model.name.name for start in report.starts] == order(report)
    start = report.starts[0]
    assert start.method is Method.FEATURE_EXTRACTION
    assert "The smallest class has 30 rows" in start.reason
    recipe = Transfers(context).check(start.recipe)
    assert recipe.tags == {"selection": report.id}
    assert sorted(recipe.data) == ["test", "train"]  # the data brings no split for validation


def test_a_report_is_kept_and_given_back_as_it_was(context: Context) -> None:
    report = recommend(context, "strong")
    selection = Selection(context)
    assert selection.report(report.id) == report
    assert selection.reports(DATA)[0] == report
    for wrong in ("step-01m8hjx51z8wa8pzh11majgyxx", "sel-01m8hjx51z8wa8pzh11majgyxx"):
        with pytest.raises(NotFoundError):
            selection.report(wrong)


def test_two_scorers_that_give_one_score_are_refused(context: Context) -> None:
    class Doubled(FakePlugins):
        def scorers(self) -> Mapping[str, Scorer]:
            return {"one": StandardScorer(), "two": StandardScorer()}

    assert isinstance(context.plugins, FakePlugins)
    doubled = replace(context, plugins=Doubled(fake_adapter=context.plugins.fake_adapter))
    with pytest.raises(NotFoundError, match="which another scorer gives too"):
        recommend(doubled, "strong")
