"""What the inputs of a recipe cannot be to one another is said before anything starts, with its line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from registry.domain.data.datasets import LabelKind
from registry.domain.names import Name
from registry.domain.recipes.recipe import Method
from registry.domain.verbs.catalog import ImportModel
from registry.domain.verbs.data import AddDataset
from registry.errors import BadRecipeError
from registry.services.catalog.verbs import Catalog
from registry.services.context import Context
from registry.services.data.verbs import Datasets
from registry.services.transfers.verbs import Transfers
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.adapters.dvc.worlds import draw
from tests.fakes.clock import FakeClock
from tests.fakes.plugins import FACTS, OFFER, FakeAdapter, FakePlugins
from tests.registry.services.registries import open_context

TABLE = "text,label\n" + "".join(f"review {'a' * n},{'good' if n % 2 else 'bad'}\n" for n in range(20))
RATED = "text,label\n" + "".join(f"review {'a' * n},{n / 4 - 2}\n" for n in range(20))
TUNE = """\
schema: forebear/recipe/v1
output: text/child
method: fine_tuning
source: models:/library/one
data:
  train: datasets:/data/reviews
"""
MERGE = """\
schema: forebear/recipe/v1
output: text/child
method: merge
sources:
- models:/library/one
- models:/library/other
"""


@pytest.fixture
def context(open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path) -> Context:
    """A home with two models of different architectures, and reviews with a class, a rating, and nothing."""
    offer = replace(OFFER, methods=frozenset(Method), metrics=OFFER.metrics | {"loss", "rmse"})
    home = tmp_path / "home"
    for name, facts in (("one", FACTS), ("other", replace(FACTS, architecture="transformers:RobertaModel"))):
        context = open_context(
            open_uow, clock, home, role="admin", plugins=FakePlugins(fake_adapter=FakeAdapter(offer), facts=facts)
        )
        source = draw(tmp_path / name, {"model.safetensors": f"weights of {name}"})
        Catalog(context).import_model(ImportModel(Name("library", name), str(source), licence="mit"))
    files = draw(tmp_path / "data", {"reviews.csv": TABLE, "rated.csv": RATED, "bare.csv": TABLE})
    for name, labels in (
        ("reviews", LabelKind.CLASS),
        ("rated", LabelKind.NUMBER),
        ("bare", LabelKind.NONE),
    ):
        wanted = AddDataset(Name("data", name), str(files / f"{name}.csv"), licence="mit", labels=labels)
        Datasets(context).add(wanted)
    bars = tmp_path / "bars"
    bars.mkdir()
    np.savez(bars / "bars.npz", x=np.zeros((20, 4, 4), np.uint8), y=np.arange(20) % 2)
    Datasets(context).add(AddDataset(Name("data", "bars"), str(bars / "bars.npz"), licence="mit"))
    return context


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (TUNE.replace("data/reviews", "data/bare"), "Line 6: datasets:/data/bare/1 has no labels, and train data of"),
        (TUNE + "  test: datasets:/data/rated\n", "Line 7: datasets:/data/rated/1 has labels of kind number"),
        (TUNE + "  test: datasets:/data/bare\n", "Line 7: datasets:/data/bare/1 has no labels, and test data of"),
        (TUNE.replace("data/reviews", "data/bars"), "Line 6: datasets:/data/bars/1 holds image data, and the adapter"),
        (MERGE, "Line 6: models:/library/other/1 is of the architecture transformers:RobertaModel"),
    ],
)
def test_inputs_that_do_not_fit_one_another_are_named_with_their_line(
    text: str, sentence: str, context: Context
) -> None:
    with pytest.raises(BadRecipeError) as refused:
        Transfers(context).check(text)
    assert sentence in str(refused.value)


def test_data_without_labels_is_welcome_where_none_are_needed(context: Context) -> None:
    bare = TUNE.replace("fine_tuning", "continued_pretraining").replace(
        "train: datasets:/data/reviews", "unlabelled: data/bare"
    )
    assert Transfers(context).check(bare).method is Method.CONTINUED_PRETRAINING
    other = TUNE.replace("fine_tuning", "domain_adaptation").replace(
        "train: datasets:/data/reviews", "source-domain: data/reviews\n  target-domain: data/bare\n  test: data/reviews"
    )
    assert set(Transfers(context).check(other).data) == {"source-domain", "target-domain", "test"}
