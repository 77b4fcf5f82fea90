"""`forebear dataset compare`: same, near or far."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from registry.domain.names import Name, Reference
from registry.domain.selection.likeness import Likeness
from registry.domain.verbs.data import AddDataset
from registry.domain.verbs.selection import CompareDatasets
from registry.errors import BadReferenceError, InvalidError, NotFoundError
from registry.services.context import Context
from registry.services.data.verbs import Datasets
from registry.services.selection.verbs import Selection
from tests.registry.services.selection.worlds import add_data


@pytest.fixture(scope="module", autouse=True)
def datasets(context: Context, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Texts whose length (the feature of the fake classical model) has one distribution, or two."""
    folder, draw = tmp_path_factory.mktemp("alike"), np.random.default_rng(0)

    def text(name: str, longer: int) -> str:
        lengths = draw.integers(1, 40, 120) + longer
        rows = "".join(f"{name} {n} {'x' * m},{'ab'[n % 2]}\n" for n, m in enumerate(lengths.tolist()))
        return f"text,label\n{rows}shared by all of them,a\nShared  by all of them.,b\n"

    for name, longer in (("one", 0), ("two", 0), ("long", 60)):
        add_data(context, folder, text(name, longer), name)
    add_data(context, folder, "text,label,split\n" + "".join(f"t {n},{'yz'[n % 2]},test\n" for n in range(5)), "tiny")


def compared(context: Context, first: str, second: str, **wanted: object) -> Likeness:
    refs = [Reference.parse(f"datasets:/data/{name}") for name in (first, second)]
    return Selection(context).compare(CompareDatasets(*refs, **wanted))  # type: ignore[arg-type]


def test_two_samples_of_one_source_are_the_same_and_copies_are_counted(context: Context) -> None:
    found = compared(context, "one", "two")
    assert found.verdict == "same"
    assert found.conclusion.startswith("Same: a classifier hardly tells rows of data/two/1 from those of data/one/1")
    assert found.auc.low < 0.5 < found.auc.high
    assert found.mmd_p > 0.05
    assert (found.label_shift, found.shared_classes) == (0.0, ("a", "b"))
    assert found.copies == 2  # the two lines at the end
    assert found.near_copies is not None
    assert found.near_copies >= 2


def test_pictures_that_were_brightened_are_nearly_copies(context: Context, tmp_path: Path) -> None:
    noise = np.random.default_rng(3).integers(0, 200, (60, 8, 8), dtype=np.uint8)
    pictures = [np.kron(part, np.ones((4, 4), np.uint8)) for part in noise]
    for name, some in (("dark", pictures[:30]), ("bright", [one + np.uint8(30) for one in pictures[20:50]])):
        for number, one in enumerate(some):
            place = tmp_path / name / "ab"[number % 2]
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(one).save(place / f"{number}.png")
        Datasets(context).add(AddDataset(Name("data", name), str(tmp_path / name), licence="cc0-1.0"))
    found = compared(context, "dark", "bright")
    assert (found.copies, found.near_copies) == (0, 10)
    assert compared(context, "dark", "bright", rows=20).near_copies is not None


def test_data_of_another_source_is_far_and_the_rows_that_show_it_are_named(context: Context) -> None:
    found = compared(context, "one", "long")
    assert found.verdict == "far"
    assert found.auc.value > 0.95
    assert found.auc_p < 1e-6
    assert found.mmd_p < 0.01
    of_long = [row for row in found.telling if row.dataset.name.name == "long"]
    assert len(of_long) == 5
    assert all("x" * 60 in row.shown for row in of_long)


def test_datasets_are_compared_through_a_model_and_a_part_of_the_rows_is_noted(context: Context) -> None:
    model = Reference.parse("models:/library/weak")
    found = compared(context, "one", "two", through=model, rows=50)
    assert found.features == "library/weak/1"
    assert (found.first.rows, found.first.compared) == (122, 50)
    assert "Compared 50 of the 122 rows of data/one/1, drawn evenly over the classes" in found.notes


def test_what_cannot_be_compared_is_refused_and_leaves_nothing(context: Context) -> None:
    with pytest.raises(InvalidError, match="Both are datasets:/data/one/1"):
        compared(context, "one", "one")
    with pytest.raises(InvalidError, match="5 rows of datasets:/data/tiny/1 are too few to compare"):
        compared(context, "one", "tiny")
    with pytest.raises(InvalidError, match="has no split 'dev'"):
        compared(context, "one", "two", split="dev")
    with pytest.raises(InvalidError, match="not finite numbers"):
        compared(context, "one", "two", through=Reference.parse("models:/library/broken"))
    with pytest.raises(NotFoundError):
        compared(context, "one", "nowhere")
    with pytest.raises(InvalidError, match="compared on 20 to 10,000 rows each"):
        compared(context, "one", "two", rows=3)
    model = Reference.parse("models:/library/weak")
    with pytest.raises(BadReferenceError, match="is not a dataset"):
        Selection(context).compare(CompareDatasets(model, model))
    assert not list((context.home / "work").iterdir())


def test_data_without_labels_is_compared_by_its_rows_alone(context: Context) -> None:
    found = compared(context, "one", "bare")
    assert found.label_shift is None
    assert found.second.classes == {}
