"""Who reads the files of what is suspended or recalled: nobody but the role forensics."""

from __future__ import annotations

import pytest

from registry.domain.governance.recalls import ReasonClass
from registry.domain.people.people import Actor
from registry.errors import (
    PermissionDeniedError,
    RecalledError,
    WithheldError,
)
from registry.services.catalog.verbs import Catalog
from registry.services.lookup import refuse_as_source
from registry.services.withholding import refuse_stopped_inputs
from tests.registry.services.governance.recalls.worlds import WEIGHTS, World, build, readers, wish_for
from tests.registry.services.teams import Team, ref_of


@pytest.fixture
def world(team: Team) -> World:
    return build(team)


def test_after_a_recall_no_verb_gives_the_bytes_of_the_target_or_of_what_is_tainted(world: World) -> None:
    recall = world.open(world.photos).recall
    for ref, error in (
        (world.photos, RecalledError),
        (world.base, WithheldError),
        (world.grandchild, WithheldError),
        (world.synthetic, WithheldError),
        (world.pupil, WithheldError),
    ):
        for name, read in readers(world, ref).items():
            with pytest.raises(error, match=recall.id) as caught:
                read()
            assert caught.value.facts["recall"] == recall.id, (ref, name)
    for clean in (world.stranger, world.heir):
        readers(world, clean)["open_file"]()
    assert world.sound()


def test_a_recall_for_legal_reasons_is_told_apart(world: World) -> None:
    world.open(world.base, reason_class=ReasonClass.PRIVACY)
    with pytest.raises(RecalledError) as caught:
        readers(world, world.base)["open_file"]()
    assert caught.value.family.status == 451


def test_only_the_role_forensics_reads_what_was_recalled_and_it_makes_nothing(world: World) -> None:
    world.open(world.base)
    team = world.team
    context = team.context_of(Actor("vera", frozenset({"forensics"})))
    Catalog(context).open_file(ref_of(world.base), WEIGHTS).close()
    with team.open_uow(actor="vera") as uow:
        summary = uow.catalog.version(world.base).summary  # type: ignore[union-attr]
        with pytest.raises(RecalledError):
            refuse_as_source(uow, summary, team.clock.now())
        with pytest.raises(WithheldError):
            refuse_stopped_inputs(uow, [world.heir, world.child], now=team.clock.now())
        refuse_stopped_inputs(uow, [world.heir], now=team.clock.now())
    with pytest.raises(PermissionDeniedError):
        world.recalls("guest").open(wish_for(world))
