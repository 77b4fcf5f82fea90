"""Which rows are compared."""

from __future__ import annotations

from dataclasses import replace

import pytest

from registry.domain.catalog.models import Status
from registry.domain.names import Reference
from registry.errors import InvalidError, NotFoundError, WithheldError
from registry.services.catalog.verbs import Catalog
from registry.services.context import Context
from tests.registry.services.drift.checks import checked, data


def test_rows_that_stand_in_the_data_of_the_version_are_counted_and_can_be_left_out(context: Context) -> None:
    with pytest.raises(InvalidError, match="Every row of datasets:/data/past/1 stands in data/past/1 too"):
        checked(context, "past")
    with pytest.raises(InvalidError, match="0 rows of data/past/1 are too few"):
        checked(context, "past", new_only=True)


def test_a_version_without_recorded_data_is_compared_with_a_named_dataset(context: Context) -> None:
    imported = Reference.parse("models:/library/strong/1")
    with pytest.raises(InvalidError, match="No data is on record that models:/library/strong/1 was trained or tested"):
        checked(context, "present", imported)
    found = checked(context, "grown", imported, reference=data("present"))
    assert found.reference == "all rows of data/present/1"


def test_rows_that_are_too_few_or_not_there_are_refused(context: Context) -> None:
    with pytest.raises(InvalidError, match="20 rows of data/few/1 are too few to check for drift"):
        checked(context, "few")
    with pytest.raises(InvalidError, match="Drift is checked on 50 to 10,000 rows"):
        checked(context, "present", rows=3)
    with pytest.raises(NotFoundError):
        checked(context, "nowhere")


def test_a_withdrawn_dataset_is_refused(context: Context) -> None:
    ref = replace(data("worse"), number=1)
    Catalog(context).set_status(ref, Status.SUSPENDED, "a doubt")
    try:
        with pytest.raises(WithheldError):
            checked(context, "worse")
    finally:
        Catalog(context).set_status(ref, Status.ACTIVE, "no doubt")
