"""A version is exported with everything that it came from, or not at all."""

from __future__ import annotations

import json
from typing import Any

import pytest

from registry.domain.names import Reference
from registry.domain.recipes.recipe import Method
from registry.domain.verbs.lineage import Exchange
from registry.errors import NotFoundError, UsageError
from registry.services.lineage import exchange
from registry.services.lineage.verbs import Lineage
from tests.registry.services.teams import Team


def test_every_format_names_every_ancestor(team: Team) -> None:
    source = team.publish("library/net", method=Method.IMPORT, licence="MIT", accuracy=None)
    child = team.publish("vision/probe", parents=[source])
    lineage = Lineage(team.context("ana"))
    for one in Exchange:
        assert "library/net" in json.dumps(lineage.export(Reference.to(child), one))
    events: Any = lineage.export(Reference.to(child), Exchange.OPENLINEAGE)
    assert [event["eventType"] for event in events] == ["START", "COMPLETE"] * 2
    assert events[-1]["run"]["facets"]["forebear_step"]["submittedBy"] == "ana"


def test_an_ancestry_that_is_too_large_is_refused_and_never_cut(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    source = team.publish("library/net", method=Method.IMPORT, licence="MIT", accuracy=None)
    child = team.publish("vision/probe", parents=[source])
    monkeypatch.setattr(exchange, "MAX_NODES", 2)
    with pytest.raises(UsageError, match="has more than 2 nodes"):
        Lineage(team.context("ana")).export(Reference.to(child), Exchange.PROV)


def test_a_version_that_is_not_there_is_said_to_be_missing(team: Team) -> None:
    with pytest.raises(NotFoundError):
        Lineage(team.context("ana")).export(Reference.parse("models:/a/b/1"), Exchange.HUB)
