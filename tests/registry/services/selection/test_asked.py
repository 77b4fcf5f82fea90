"""The data of a step is compared with what its source learnt from when the step ends, where a policy asks for it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.domain.names import Reference
from registry.domain.transfers.steps import StepDetail
from registry.services.catalog.verbs import Catalog
from registry.services.context import Context
from registry.services.governance.similarity import similarity_of
from registry.services.governance.verbs import Promotions
from registry.services.lineage.obligations import MAX_ANCESTORS
from registry.services.selection.asked import compare_where_asked
from registry.services.selection.verbs import Selection
from registry.services.transfers.verbs import Transfers
from tests.registry.services.selection.conftest import opened
from tests.registry.services.selection.worlds import DATA, TABLE, add_child, add_data, add_model

POLICY = """\
apiVersion: governance/v1
kind: PromotionPolicy
metadata: {name: near, version: 1}
applies_to: {when: subject.name != "made/strong-free"}
roles: {admin: {groups: [admin]}}
stages: [registered, candidate]
transitions:
  - id: to-candidate
    from: registered
    to: candidate
    gates:
      - {id: near, require: similarity.verdict != "far"}
    approvals: [{role: admin, quorum: 1}]
"""


@pytest.fixture(scope="module")
def world(_migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Context]:
    folder = tmp_path_factory.mktemp("asked")
    with opened(_migrated_file, folder) as context:
        add_data(context, folder, TABLE)
        add_data(
            context, folder, "text,label,split\n" + "".join(f"t {n},{'ab'[n % 2]},train\n" for n in range(60)), "old"
        )
        add_model(context, folder, "strong")
        add_child(context, folder, "strong-source", "old")
        for name in ("strong-child", "strong-free"):
            add_child(context, folder, name, "reviews", source="models:/made/strong-source/1")
        Promotions(context).publish_policy(POLICY)
        yield context


def ended(context: Context, name: str) -> StepDetail:
    return Transfers(context).step(Catalog(context).version(Reference.parse(f"models:/made/{name}/1")).step)


def known(context: Context, name: str) -> dict[str, object]:
    with context.read() as uow:
        ref = Catalog(context).version(Reference.parse(f"models:/made/{name}/1")).summary.ref
        record = uow.graph.ancestry(ref, limit=MAX_ANCESTORS)
        assert record is not None
        return similarity_of(uow, record)


def test_a_step_in_several_processes_says_how_it_is_measured_later(
    world: Context, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "forebear.worker"):
        compare_where_asked(world, ended(world, "strong-child"), alone=False)
    assert (
        "forebear recommend datasets:/data/reviews/1 --split train --model models:/made/strong-source/1" in caplog.text
    )
    assert known(world, "strong-child") == {}


def test_what_no_policy_asks_for_is_not_measured(world: Context) -> None:
    compare_where_asked(world, ended(world, "strong-free"), alone=True)
    assert not Selection(world).reports(DATA)


def test_what_a_policy_asks_for_is_measured_once_and_kept_as_a_ranking(world: Context) -> None:
    for _ in range(2):
        compare_where_asked(world, ended(world, "strong-child"), alone=True)
    (report,) = Selection(world).reports(DATA)
    found = known(world, "strong-child")
    assert (found["ranking"], found["data"]) == (report.id, "datasets:/data/old/1")
    assert found["assurance"] == "declared"
