"""What a version gives for rows."""

from __future__ import annotations

import pytest

from registry.errors import InvalidError
from registry.services.context import Context
from tests.registry.services.drift.checks import checked
from tests.registry.services.drift.conftest import Lengths


def test_features_that_are_no_numbers_are_refused_and_leave_nothing(context: Context, adapter: Lengths) -> None:
    adapter.broken = True
    try:
        with pytest.raises(InvalidError, match="hold values that are not finite numbers"):
            checked(context, "present", seed=5)
    finally:
        adapter.broken = False
    assert not list((context.home / "work").glob("drift-*"))
