"""What is scored, by which scorers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from adapters.selection.scorer import StandardScorer
from registry.errors import NotFoundError, OutOfMemoryError
from registry.machine import free_memory
from registry.ports.scoring import Scorer
from registry.services.context import Context
from registry.services.selection import measuring
from registry.services.selection.measuring import refuse_too_large
from tests.fakes.plugins import FakePlugins
from tests.registry.services.selection.worlds import recommend


def test_two_scorers_that_give_one_score_are_refused(context: Context) -> None:
    class Doubled(FakePlugins):
        def scorers(self) -> Mapping[str, Scorer]:
            return {"one": StandardScorer(), "two": StandardScorer()}

    assert isinstance(context.plugins, FakePlugins)
    doubled = replace(context, plugins=Doubled(fake_adapter=context.plugins.fake_adapter))
    with pytest.raises(NotFoundError, match="which another scorer gives too"):
        recommend(doubled, "strong")


def test_a_model_larger_than_the_free_memory_is_left_out_with_both_figures(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = free_memory()
    refuse_too_large(2**30, free if free is None else max(free, 2**30))
    with pytest.raises(OutOfMemoryError, match=r"It has 3.0 GiB of files, and this machine has 2.0 GiB of memory free"):
        refuse_too_large(3 * 2**30, 2 * 2**30)
    monkeypatch.setattr(measuring, "free_memory", lambda: 100)
    with pytest.raises(NotFoundError, match=r"library/strong/1: It has 0.0 GiB of files"):
        recommend(context, "strong")
    assert not list((context.home / "work").iterdir())
