"""What the verbs of recalls need to be given."""

from __future__ import annotations

import pytest

from registry.domain.governance.recalls import Level, NewRecall
from registry.errors import (
    InvalidError,
    NotFoundError,
)
from tests.registry.services.governance.recalls.worlds import World


def test_a_recall_needs_a_reason_and_one_that_is_not_there_is_not_found(world: World) -> None:
    with pytest.raises(InvalidError, match="A reason is needed"):
        world.recalls().open(NewRecall(str(world.base), Level.RECALL, "  "))
    for act in (world.recalls().show, world.recalls().tasks, lambda one: world.recalls().reverse(one, reason="x")):
        with pytest.raises(NotFoundError, match="There is no recall rec-1"):
            act("rec-1")
