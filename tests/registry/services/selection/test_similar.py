"""How like the rows of a ranking are to what a candidate learnt from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray

from lineage import Assurance
from registry.domain.catalog.models import Status
from registry.domain.names import Reference
from registry.domain.people.teams import Level, Sight
from registry.domain.recipes.recipe import Recipe
from registry.domain.selection.report import SelectionReport
from registry.domain.selection.similarity import CLOSED, UNKNOWN, Against, Similarity
from registry.domain.verbs.selection import Recommend
from registry.ports.transfers import DataInput
from registry.services.catalog.verbs import Catalog
from registry.services.context import Context
from registry.services.selection import similar
from registry.services.selection.candidates import Eligible
from registry.services.selection.verbs import Selection
from tests.registry.services.selection.conftest import opened
from tests.registry.services.selection.worlds import DATA, TABLE, add_child, add_data, add_model

CHILDREN = {"strong-alike": "alike", "strong-other": "other", "strong-few": "few", "strong-again": "few"}


def rows(word: str, count: int = 120) -> str:
    """Texts of which a third, or all, hold `word`."""
    texts = (f"{word if word != 'aa' or n % 3 == 0 else 'zz'} {n},{'ab'[n % 2]},train" for n in range(count))
    return "text,label,split\n" + "".join(f"old {text}\n" for text in texts)


@pytest.fixture(scope="module")
def world(_migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Context]:
    folder = tmp_path_factory.mktemp("similar")
    with opened(_migrated_file, folder) as context:
        add_data(context, folder, TABLE)
        for name, text in (("alike", rows("aa")), ("other", rows("aa aa aa aa")), ("few", rows("aa", 20))):
            add_data(context, folder, text, name)
        add_model(context, folder, "strong")
        for name, data in CHILDREN.items():
            add_child(context, folder, name, data)
        yield context


@pytest.fixture(scope="module")
def report(world: Context) -> SelectionReport:
    found = Selection(world).recommend(Recommend(DATA))
    assert not found.left_out, found.left_out
    return found


def of(report: SelectionReport, name: str) -> Similarity:
    found = next(one.similarity for one in report.ranked if one.ref.name.name == name)
    assert found is not None
    return found


def test_a_model_that_learnt_from_data_like_this_is_same_and_one_that_did_not_is_far(report: SelectionReport) -> None:
    alike, other = of(report, "strong-alike"), of(report, "strong-other")
    assert (alike.against, alike.verdict, alike.generations) == (Against.ROWS, "same", 0)
    assert (other.verdict, str(other.data), other.split) == ("far", "datasets:/data/other/1", "train")
    assert (other.rows, other.target, other.assurance) == (120, 90, Assurance.DECLARED)
    assert alike.auc is not None
    assert alike.auc.low < 0.5 < alike.auc.high
    assert alike.mmd is not None
    assert other.mmd is not None
    assert alike.mmd < 0.02 < other.mmd
    assert alike.energy is not None
    assert other.energy is not None
    assert alike.energy < 0.05 < other.energy
    assert alike.neighbours == pytest.approx(1.0, abs=0.3)
    assert "Far to data/other/1, which somebody says it learnt from: AUC " in other.sentence


def test_where_nothing_is_known_no_figure_is_made_up(report: SelectionReport) -> None:
    nothing = of(report, "strong")
    assert nothing == Similarity(Against.NOTHING, reason=UNKNOWN)
    assert nothing.brief == "unknown"
    assert nothing.sentence.startswith("Unknown: what it learnt from is not registered")
    few = of(report, "strong-few")
    assert (few.against, few.energy) == (Against.NOTHING, None)
    assert "data/few/1 cannot be compared with: It has 20 rows, and 40 are needed" in few.reason


def test_it_takes_no_part_in_the_order(world: Context, report: SelectionReport) -> None:
    assert all("similarity" not in one.scores for one in report.ranked)
    again = Selection(world).recommend(Recommend(DATA))
    assert [one.ref for one in again.ranked] == [one.ref for one in report.ranked]
    assert [one.similarity for one in again.ranked] == [one.similarity for one in report.ranked]


def test_data_that_may_not_be_read_any_more_is_compared_by_the_summary_that_was_kept(
    world: Context, report: SelectionReport
) -> None:
    before = of(report, "strong-other")
    Catalog(world).set_status(Reference.parse("datasets:/data/other/1"), Status.SUSPENDED, "a doubt")
    try:
        after = of(Selection(world).recommend(Recommend(DATA)), "strong-other")
    finally:
        Catalog(world).set_status(Reference.parse("datasets:/data/other/1"), Status.ACTIVE, "none")
    assert after.against is Against.SUMMARY
    assert (after.verdict, after.auc, after.mmd) == (None, None, None)
    assert (after.energy, after.neighbours) == (before.energy, before.neighbours)
    assert "suspended" in after.reason
    assert after.sentence.startswith("By the kept summary of data/other/1, which somebody says it learnt from: energy ")


def test_rows_of_a_team_that_is_closed_to_somebody_are_not_read_for_them(world: Context, tmp_path: Path) -> None:
    outsider = replace(world.actor, sight=Sight({"data": None}, "eve"))
    known = replace(world, actor=replace(world.actor, sight=Sight({"data": Level.USE}, "eve")))
    wanted = [replace(world, actor=outsider), known]
    candidate = Eligible(
        Catalog(world).version(Reference.parse("models:/made/strong-other/1")), cast("Recipe", None), ()
    )
    features = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)

    def read(data: DataInput, _: Path) -> NDArray[np.float32]:
        return features[: len(data.chosen)]

    found = [
        similar.similarity(similar.Shelf(one, tmp_path / str(n)), candidate, features, 0.0, read, tmp_path)
        for n, one in enumerate(wanted)
    ]
    assert found[0] == Similarity(Against.NOTHING, reason=CLOSED)
    assert not (tmp_path / "0").exists()
    assert found[1].reason != CLOSED


def test_of_a_slow_candidate_fewer_rows_are_read_than_of_a_fast_one() -> None:
    assert [similar.affordable(seconds) for seconds in (0.0, 0.01, 0.5, 30.0)] == [500, 500, 120, 40]


def test_statistics_in_the_weights_are_the_summary_of_a_model_that_came_without_data(
    world: Context, tmp_path: Path
) -> None:
    add_model(world, tmp_path, "weak-normed")
    wanted = Recommend(DATA, models=(Reference.parse("models:/library/weak-normed"),))
    found = of(Selection(world).recommend(wanted), "weak-normed")
    assert found == Similarity(Against.STATISTICS, target=90, energy=0.25)
    assert (found.brief, found.verdict) == ("energy 0.25", None)
    assert found.sentence.startswith(
        "By the statistics that its normalisations keep of what it learnt from: energy 0.25"
    )
