"""What earlier transfers let a candidate expect."""

from __future__ import annotations

import numpy as np
import pytest

from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import LabelKind
from registry.domain.names import Name
from registry.domain.selection.history import expected, itself, kinship, metadata, shares, weight
from registry.domain.selection.past import Source, Task, Tried
from tests.builders import dataset_ref, model_ref

A, B, CHILD, STRANGER = (model_ref(f"library/{name}/1") for name in ("a", "b", "child", "stranger"))
SOURCES = {
    A: Source(A, 1000, "bert", {A: 0}),
    B: Source(B, 9000, "resnet", {B: 0}),
    CHILD: Source(CHILD, 1000, "bert", {CHILD: 0, A: 1}),
    STRANGER: Source(STRANGER, 10, "mlp", {STRANGER: 0}),
}


def task(name: str, rows: int = 100, classes: int = 2, modality: Modality = Modality.TEXT) -> Task:
    return Task(Name("data", name), modality, LabelKind.CLASS, rows, classes)


def tried(name: str, a: float, b: float, rows: int = 100, classes: int = 2) -> Tried:
    return Tried(task(name, rows, classes), dataset_ref(f"data/{name}/1"), "accuracy", {A: a, B: b})


def test_a_share_is_where_a_value_comes_whatever_its_unit() -> None:
    assert shares([0.9, 0.1, 0.5]) == [0.5, -0.5, 0.0]
    assert shares([0.2, 0.2]) == [0.0, 0.0]
    assert shares([0.7]) == [0.0]


def test_history_is_the_mean_of_the_own_outcomes_and_one_average_outcome_more() -> None:
    past = [tried("one", 0.9, 0.5), tried("two", 0.8, 0.1)]
    found = expected([SOURCES[A], SOURCES[B], SOURCES[CHILD]], task("new"), past, SOURCES, itself)
    assert found == pytest.approx([1 / 3, -1 / 3, 0.0])  # (1/2 + 1/2) / (2 + 1)


def test_a_child_that_was_never_tried_inherits_the_outcomes_of_its_parent_and_a_stranger_none() -> None:
    past = [tried("one", 0.9, 0.5)]
    child, stranger = expected([SOURCES[CHILD], SOURCES[STRANGER]], task("new"), past, SOURCES, kinship)
    assert child == pytest.approx(0.7 * 0.25)
    assert stranger == 0.0


def test_metadata_carries_outcomes_over_to_models_of_the_same_architecture_and_size() -> None:
    past = [tried("one", 0.9, 0.5)]
    child, stranger = expected([SOURCES[CHILD], SOURCES[STRANGER]], task("new"), past, SOURCES, metadata)
    assert child > 0.1
    assert abs(stranger) < 0.01


def test_outcomes_on_the_data_itself_are_left_out_whatever_the_version() -> None:
    own = Tried(task("new"), dataset_ref("data/new/7"), "accuracy", {A: 0.9, B: 0.1})
    assert expected([SOURCES[A]], task("new"), [own], SOURCES, itself) == [0.0]


def test_many_outcomes_of_a_source_give_what_the_whole_process_gives_at_the_cost_of_one() -> None:
    new, past = task("new"), [tried(f"t{n}", n % 5, n % 3, rows=100 + 30 * n) for n in range(20)]
    asked: list[tuple[Source, Source]] = []

    def alike(one: Source, other: Source) -> float:
        asked.append((one, other))
        return metadata(one, other)

    found = expected([SOURCES[CHILD]], new, past, SOURCES, alike)
    assert len(asked) == 2 * 2 + 2
    every = [
        (SOURCES[ref], share, weight(new, one.task))
        for one in past
        for ref, share in zip(one.merits, shares(list(one.merits.values())), strict=True)
    ]
    between = np.array([[metadata(one, other) for other, _, _ in every] for one, _, _ in every])
    noisy = between + np.diag([1 / counts for _, _, counts in every])
    solved = np.linalg.solve(noisy, np.array([share for _, share, _ in every]))
    assert found == pytest.approx(
        [sum(metadata(SOURCES[CHILD], one) * solved[n] for n, (one, _, _) in enumerate(every))]
    )


def test_an_outcome_counts_as_far_as_the_data_is_alike() -> None:
    assert weight(task("x"), task("y")) == 1.0
    assert weight(task("x"), task("y", modality=Modality.IMAGE)) == 0.0
    assert weight(task("x"), task("y", rows=200)) > weight(task("x"), task("y", rows=2000)) > 0
    past = [tried("like", 0.9, 0.5), tried("unlike", 0.1, 0.5, rows=100_000, classes=100)]
    (found,) = expected([SOURCES[A]], task("new"), past, SOURCES, itself)
    assert found > 0.1
