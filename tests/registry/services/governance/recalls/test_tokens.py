"""A recall of a token: what was published with it is taken back, and nothing more is published with it."""

from __future__ import annotations

import pytest

from registry.domain.governance.recalls import Effect, Level, NewRecall
from registry.domain.ids import new_id
from registry.domain.names import Name, VersionRef
from registry.domain.people.people import NewToken
from registry.domain.recipes.recipe import Method
from registry.domain.transfers.provenance import Compute
from registry.errors import NotFoundError, RefusedError
from registry.services.artifacts.publishing import Asset, Making, ModelContents, publish
from registry.services.people.sessions import Sessions
from tests.builders import NOW, describing, manifest
from tests.registry.services.governance.recalls.worlds import World
from tests.registry.services.teams import Team

BY_HAND = Making(Method.IMPORT, "hand", (), {"source": "here"}, Compute(), NOW, NOW, facts={})


def publish_with(team: Team, token: NewToken | None, name: str) -> VersionRef:
    actor = team.context("ana").actor if token is None else Sessions(team.context("ana")).authenticate(token.secret)
    context = team.context_of(actor)
    contents = ModelContents(manifest(name), "resnet-18", lambda ref: f"# {ref.label}\n")
    with context.write() as uow:
        return publish(context, uow, Asset(Name.parse(name), describing(), contents), BY_HAND, action="made")


def test_a_recall_of_a_token_reaches_what_was_published_with_it_and_no_other_version(world: World) -> None:
    token = world.team.people("ana").create_token("ana", label="laptop", days=30)
    stolen = publish_with(world.team, token, "vision/stolen")
    publish_with(world.team, None, "vision/own")
    hits = world.recalls("guest").preview(NewRecall(token.summary.id, Level.RECALL)).hits
    assert [(hit.ref, hit.effect) for hit in hits] == [(stolen, Effect.TARGET)]
    detail = world.open(token.summary.id, Level.QUARANTINE)
    assert detail.targets == [stolen]
    with pytest.raises(RefusedError, match=detail.recall.id):
        publish_with(world.team, token, "vision/later")
    world.recalls().reverse(detail.recall.id, reason="it was not stolen")
    publish_with(world.team, token, "vision/later")
    assert world.sound()


def test_a_token_with_which_nothing_was_published_cannot_be_recalled(world: World) -> None:
    with pytest.raises(NotFoundError, match="tok-"):
        world.open(new_id("tok", NOW))
