"""What a person means by a target of a question about lineage."""

from __future__ import annotations

import pytest

from registry.errors import NotFoundError
from registry.services.lineage.targets import node_of
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.builders import NOW, add_version


def test_a_target_is_a_version_the_newest_of_a_model_or_a_step_and_deleted_ones_are_found(
    open_uow: SqlUnitOfWorkFactory,
) -> None:
    with open_uow(actor="ana", write=True) as uow:
        first = add_version(uow, "vision/base")
        add_version(uow, "vision/base")
        detail = uow.catalog.version(first)
        assert detail is not None
        uow.catalog.delete_version(first, at=NOW)
        assert node_of(uow, str(first)).label == "vision/base/1"
        assert node_of(uow, "models:/vision/base").label == "vision/base/2"
        assert node_of(uow, detail.step).label == detail.step
        for missing in ("models:/vision/none/1", "datasets:/vision/base/1", "step-01kaq000000000000000000000"):
            with pytest.raises(NotFoundError):
                node_of(uow, missing)
