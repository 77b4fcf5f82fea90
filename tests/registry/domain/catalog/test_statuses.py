"""The table of statuses: what the documentation shows is what the verbs read."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.domain.catalog.models import Status
from registry.domain.catalog.statuses import EFFECTS, VERBS, Effect, Use, allows, effects_table, notice

DOCS = Path(__file__).parents[4] / "docs/policies.md"


def test_the_documentation_shows_the_table_that_the_verbs_read() -> None:
    assert effects_table() in DOCS.read_text(encoding="utf-8")


def test_every_status_has_a_verb_and_an_effect_on_every_use() -> None:
    assert set(VERBS.values()) == set(Status) == set(EFFECTS)
    assert all(set(effects) == set(Use) for effects in EFFECTS.values())


@pytest.mark.parametrize("status", list(Status))
def test_whatever_its_status_a_version_can_be_retired(status: Status) -> None:
    assert allows(status, Use.RETIRE)


def test_what_is_allowed_with_a_notice_says_so_and_nothing_else_does() -> None:
    for status, effects in EFFECTS.items():
        for use, effect in effects.items():
            assert bool(notice("models:/a/b/1", status, "why", use)) == (effect is Effect.NOTICE)
    assert notice("models:/a/b/1", Status.ARCHIVED, "", Use.READ) == "models:/a/b/1 is archived"
