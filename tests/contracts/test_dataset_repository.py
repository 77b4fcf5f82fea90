"""What the datasets' repository keeps of labels, and of datasets that steps made."""

from __future__ import annotations

import pytest

from registry.domain.data.datasets import LabelKind, NumberSummary
from registry.domain.paging import PageRequest
from registry.storage.unit_of_work import SqlUnitOfWorkFactory as Factory
from tests.builders import add_dataset_version, add_version


@pytest.mark.parametrize("kind", list(LabelKind))
def test_what_labels_hold_is_kept_with_the_version(kind: LabelKind, open_uow: Factory) -> None:
    with open_uow(actor="ana", write=True) as uow:
        ref = add_dataset_version(uow, "text/ratings", labels=kind)
        uow.commit_unaudited()
    with open_uow(actor="ana") as uow:
        found = uow.datasets.version(ref)
        (listed,) = uow.datasets.versions(ref.name, PageRequest()).items
    assert found is not None
    assert found.summary == listed
    assert found.summary.labels is kind
    numbers = [split.numbers for split in found.summary.splits]
    wanted = [NumberSummary(-1.5, 0.25, 3.0), NumberSummary(0.0, 1.0, 2.0)]
    assert numbers == (wanted if kind is LabelKind.NUMBER else [None, None])


def test_a_dataset_that_a_step_made_hangs_on_what_went_in(open_uow: Factory) -> None:
    with open_uow(actor="ana", write=True) as uow:
        base, scans = add_version(uow, "vision/base"), add_dataset_version(uow, "vision/scans")
        ref = add_dataset_version(uow, "vision/features", parents=[base, scans])
        uow.commit_unaudited()
    with open_uow(actor="ana") as uow:
        made = uow.datasets.version(ref)
        assert made is not None
        step = uow.steps.get(made.step)
        assert step is not None
        assert [given.ref for given in step.inputs] == [base, scans]
        assert step.summary.output == ref
        node = uow.graph.node(str(ref))
        assert node is not None
        nodes, edges, _ = uow.graph.walk(node, up=1, down=0, limit=9)
    assert {one.label for one in nodes} == {"vision/features/1", made.step, "vision/base/1", "vision/scans/1"}
    assert len(edges) == 3
