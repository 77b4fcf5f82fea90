"""What is read of earlier transfers, and what it lets a candidate expect."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from registry.domain.recipes.recipe import Recipe
from registry.services.selection.candidates import Eligible
from registry.services.selection.past import priors, read_past
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.builders import add_dataset_version, add_version, event, metric
from tests.fakes.clock import FakeClock
from tests.registry.services.registries import open_context


def test_a_dataset_is_one_target_with_the_version_that_most_models_were_tried_on(
    open_uow: SqlUnitOfWorkFactory,
) -> None:
    with open_uow(actor="ana", write=True) as uow:
        a, b = (add_version(uow, f"library/{name}") for name in ("a", "b"))
        old, new = (add_dataset_version(uow, "data/one") for _ in range(2))
        for name, parents, data in (
            ("old-a", [a], old),
            ("old-b", [b], old),
            ("new-a", [a], new),
            ("both", [a, b], new),  # of two sources: says nothing of either
        ):
            add_version(uow, f"made/{name}", parents=parents, data={"train": data}, measured=[metric(0.8)])
        add_version(uow, "made/untested", parents=[b], data={"train": new}, measured=[metric(0.8, role="validation")])
        past = read_past(uow)
        uow.commit(event())
    (target,) = past.tried
    assert (target.data, set(target.merits)) == (old, {a, b})
    assert past.sources[a].ancestors == {a: 0}


def test_a_candidate_expects_what_it_and_its_kin_reached_and_shows_its_own_metric(
    open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path
) -> None:
    with open_uow(actor="ana", write=True) as uow:
        good, bad = (add_version(uow, f"library/{name}", architecture=name) for name in ("good", "bad"))
        data = add_dataset_version(uow, "data/one")
        made = [
            add_version(uow, f"made/{n}", parents=[one], data={"train": data}, measured=[metric(0.9 - n / 10)])
            for n, one in enumerate((good, bad))
        ]
        new = uow.datasets.version(add_dataset_version(uow, "data/new"))
        eligible = [
            Eligible(detail, cast("Recipe", None), ())
            for ref in (good, made[0])
            if (detail := uow.catalog.version(ref))
        ]
        uow.commit(event())
    assert new is not None
    own, child = priors(open_context(open_uow, clock, tmp_path), new, new.summary.splits[0].name, eligible)
    assert own["history"] == pytest.approx(0.25)
    assert child["history"] == 0.0
    assert child["lineage"] == pytest.approx(0.7 * 0.25)
    assert own.keys() == {"history", "lineage", "metadata"}
    assert child["pretraining"] == 0.9
