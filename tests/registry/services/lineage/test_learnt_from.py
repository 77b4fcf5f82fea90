"""What a model learnt from, by its lineage."""

from __future__ import annotations

from lineage import Assurance
from registry.domain.names import VersionRef
from registry.services.lineage.learnt_from import LearntFrom, learnt_from
from registry.services.lineage.obligations import MAX_ANCESTORS
from registry.services.unit_of_work import UnitOfWork
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.builders import add_dataset_version, add_version, event


def of(uow: UnitOfWork, ref: VersionRef) -> tuple[LearntFrom, ...]:
    record = uow.graph.ancestry(ref, limit=MAX_ANCESTORS)
    assert record is not None
    return learnt_from(record)


def test_the_nearest_data_comes_first_and_data_for_tests_is_none_of_it(open_uow: SqlUnitOfWorkFactory) -> None:
    with open_uow(actor="ana", write=True) as uow:
        old, new, tests = (add_dataset_version(uow, f"data/{name}") for name in ("old", "new", "tests"))
        root = add_version(uow, "library/root")
        parent = add_version(uow, "made/parent", parents=[root], data={"unlabelled": old, "validation": tests})
        child = add_version(uow, "made/child", parents=[parent], data={"train": new, "test": tests})
        found, nothing = of(uow, child), of(uow, root)
        uow.commit(event())
    assert [(one.data, one.split, one.generations) for one in found] == [(new, "train", 0), (old, "unlabelled", 1)]
    assert {one.assurance for one in found} == {Assurance.OBSERVED}
    assert nothing == ()
