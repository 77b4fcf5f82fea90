"""`forebear recommend --backtest`: rankings and priors against what transfers reached."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from lineage import Digest
from registry.domain.comparison.verdict import Interval
from registry.domain.data.datasets import LabelKind
from registry.domain.names import VersionRef
from registry.domain.selection.report import RankedModel, SelectionReport
from registry.errors import NotFoundError
from registry.services.selection.verbs import Selection
from registry.services.unit_of_work import UnitOfWork
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.builders import add_dataset_version, add_version, event, metric
from tests.fakes.clock import FakeClock
from tests.registry.services.registries import open_context


def report(data: VersionRef, number: int, order: Mapping[VersionRef, float]) -> SelectionReport:
    score = Interval(0.5, 0.4, 0.6)
    ranked = tuple(
        RankedModel(ref, Digest.of(b""), "a", "mit", (), score, {"probe": value}, 1.0, None, 1, 1, 1.0, False)
        for ref, value in order.items()
    )
    public = f"sel-01m8hjx51z8wa8pzh11majg{number:03d}"
    when = datetime(2026, 1, 2, tzinfo=UTC)
    return SelectionReport(
        public, data, Digest.of(b""), "train", 9, 9, LabelKind.CLASS, "", ranked, (), None, (), when, "ana"
    )


def play(uow: UnitOfWork, *, targets: int = 4, wrong: int = 3) -> None:
    """Three sources: `good` is always best, `big` is largest; the rankings are right on all targets but `wrong`."""
    good, bad, big = (add_version(uow, f"library/{name}") for name in ("good", "bad", "big"))
    merits = {good: 0.9, big: 0.7, bad: 0.5}
    for number in range(targets):
        data = add_dataset_version(uow, f"data/target{number}")
        for source, merit in merits.items():
            for lost in (0.2, 0.0):  # of two tries the best counts
                measured = [metric(merit - lost), metric(0.99, role="validation"), metric(0.4, name="loss")]
                add_version(
                    uow,
                    f"made/of{number}-{source.name.name}",
                    parents=[source],
                    data={"train": data},
                    measured=measured,
                )
        sign = -1 if number == wrong else 1
        uow.selections.add(report(data, number, {ref: sign * value for ref, value in merits.items()}))


@pytest.fixture
def selection(open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path) -> Selection:  # type: ignore[no-untyped-def]
    return Selection(open_context(open_uow, clock, tmp_path))


def test_each_rule_is_tested_on_targets_whose_outcomes_it_did_not_see(
    selection: Selection, open_uow: SqlUnitOfWorkFactory
) -> None:
    with open_uow(actor="ana", write=True) as uow:
        play(uow)
        uow.commit(event())
    found = selection.backtest()
    assert found.transfers == 24
    assert [one.best.name.name for one in found.targets] == ["good"] * 4
    by_name = {one.rule: one for one in found.rules}
    assert by_name["scores"].regret.value == pytest.approx(0.4 / 4)  # wrong on one of four: 0.9 - 0.5
    assert by_name["history"].regret.value == 0.0
    assert by_name["chance"].regret.value == pytest.approx(0.2)
    assert by_name["chance"].recall.value == 1.0  # three candidates, three drawn
    assert by_name["scores"].tau.value == pytest.approx(0.5)
    gain = {one.rule: one for one in found.gains}["history"]
    assert gain.targets == 4
    assert gain.lost.value == pytest.approx(-0.1)
    assert found.conclusion == "The scores can be tested on 4 of the datasets: nothing is concluded from fewer than 6"
    assert any(note.startswith("Targets: 4. The intervals say little") for note in found.notes)


@pytest.mark.parametrize(
    ("targets", "wrong", "conclusion"),
    [
        (1, 0, "The scores can be tested on 1 of the datasets: nothing is concluded from fewer than 6"),
        (6, 0, "These transfers do not show that the scores choose better than size and history"),
    ],
)
def test_one_dataset_proves_nothing_however_clear_its_outcome_is(
    selection: Selection, open_uow: SqlUnitOfWorkFactory, targets: int, wrong: int, conclusion: str
) -> None:
    with open_uow(actor="ana", write=True) as uow:
        play(uow, targets=targets, wrong=wrong)
        uow.commit(event())
    assert selection.backtest().conclusion == conclusion


def test_without_a_kept_ranking_only_the_priors_are_tested(
    selection: Selection, open_uow: SqlUnitOfWorkFactory
) -> None:
    with open_uow(actor="ana", write=True) as uow:
        sources = [add_version(uow, f"library/{name}") for name in ("a", "b")]
        data = add_dataset_version(uow, "data/one")
        for number, source in enumerate(sources):
            made = f"made/of-{source.name.name}"
            add_version(uow, made, parents=[source], data={"train": data}, measured=[metric(0.5 + number / 10)])
        uow.commit(event())
    found = selection.backtest()
    assert found.gains == ()
    assert found.conclusion.startswith("No kept ranking covers data that two or more models were tried on")
    assert "Targets without a kept ranking: 1 of 1. The scores are tested on the others" in found.notes


def test_errors_count_as_the_share_of_a_constant_answers_error_that_is_saved(
    selection: Selection, open_uow: SqlUnitOfWorkFactory
) -> None:
    with open_uow(actor="ana", write=True) as uow:
        data = add_dataset_version(uow, "data/numbers", labels=LabelKind.NUMBER)
        for name, error in (("a", 2.0), ("b", 1.0)):
            measured = [metric(error, name="rmse"), metric(4.0, name="baseline_rmse")]
            source = add_version(uow, f"library/{name}")
            add_version(uow, f"made/{name}", parents=[source], data={"train": data}, measured=measured)
        uow.commit(event())
    (target,) = selection.backtest().targets
    assert (target.metric, target.best.name.name) == ("rmse", "b")
    assert target.regret["chance"] == pytest.approx(0.125)  # 0.75 - mean(0.5, 0.75)


def test_where_no_data_was_tried_with_two_models_that_is_said(selection: Selection) -> None:
    with pytest.raises(NotFoundError, match=r"No dataset here has transfers from two or more models .*0 on record"):
        selection.backtest()
