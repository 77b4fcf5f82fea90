"""A plan is for whoever may read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from registry.domain.names import Reference
from registry.domain.people.people import Actor
from registry.errors import PermissionDeniedError
from registry.services.cascade.verbs import Cascades
from registry.services.context import Context


def test_who_has_no_role_sees_no_plan(context: Context) -> None:
    nobody = replace(context, actor=Actor("zed", frozenset()))
    with pytest.raises(PermissionDeniedError):
        Cascades(nobody).plan(Reference.parse("models:/library/base/2"))
