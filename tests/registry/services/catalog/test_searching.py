"""A search that can find nothing says which of its values is unknown here."""

from __future__ import annotations

from typing import Any

import pytest

from registry.domain.catalog.models import MetricComparison, SearchQuery, SortKey
from registry.errors import BadFilterError
from registry.services.catalog.searching import spelling
from registry.services.catalog.verbs import Catalog
from tests.registry.services.teams import Team


@pytest.fixture
def catalog(team: Team) -> Catalog:
    team.publish(accuracy=0.9)
    return Catalog(team.context("ana"))


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"stage": "prod"}, "Unknown stage 'prod', did you mean 'production'?"),
        ({"task": "classification"}, "Unknown task 'classification', did you mean 'image-classification'?"),
        ({"metrics": (MetricComparison("acc", ">", 0.5),)}, "Unknown metric 'acc', did you mean 'accuracy'?"),
        ({"sort": SortKey.METRIC, "sort_metric": "acc"}, "Unknown metric 'acc', did you mean 'accuracy'?"),
        ({"owner": "annna"}, "Unknown owner 'annna', did you mean 'ana'?"),
        ({"stage": "xyz"}, "Unknown stage 'xyz': there are candidate, production, registered, retired, validated"),
    ],
)
def test_a_value_that_nothing_can_match_is_named(catalog: Catalog, query: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadFilterError) as refusal:
        catalog.search(SearchQuery(**query))
    assert refusal.value.message == sentence


@pytest.mark.parametrize(
    "query", [{"stage": "production"}, {"owner": "ben"}, {"metrics": (MetricComparison("accuracy", ">", 0.95),)}]
)
def test_a_known_value_that_nothing_has_now_is_an_empty_answer(catalog: Catalog, query: dict[str, Any]) -> None:
    assert catalog.search(SearchQuery(**query)).items == []


def test_in_a_registry_without_models_every_search_is_empty(team: Team) -> None:
    assert Catalog(team.context("ana")).search(SearchQuery(task="anything", stage="any")).items == []


def test_what_was_meant_is_said_only_where_nothing_matches_and_something_does_then(catalog: Catalog) -> None:
    assert catalog.search(SearchQuery(text="digitz")).items == [], "a search never answers with other words"
    assert catalog.spelling(SearchQuery(text="digitz")).text == "digits"
    assert catalog.spelling(SearchQuery(text="DIGITZ", stage="production")).text == ""
    for text in ("digits", "dig", "qqqqq", "digitz qqqqq", ""):
        assert catalog.spelling(SearchQuery(text=text)).text == ""


def test_no_word_of_a_closed_team_is_offered_to_others(team: Team) -> None:
    team.publish(accuracy=0.9)
    with team.open_uow(actor="ana") as uow:
        (item,) = uow.catalog.search(SearchQuery()).items
        assert spelling(uow, SearchQuery(text="digitz")).text == "digits"
        assert spelling(uow, SearchQuery(text="digitz"), [item.name.team.casefold()]).text == ""


def test_whether_a_closed_team_has_a_word_does_not_change_what_others_are_offered(team: Team) -> None:
    """Somebody gives models of their own words like the one that they guess, and asks what is meant."""
    team.publish("open/mine", tags={"a": "zwiebelkuchan", "b": "zwiebelkucxex", "c": "zwiebelkxxxxx"})

    def offered(*closed: str) -> list[str]:
        with team.open_uow(actor="ana") as uow:
            asked = ("zwiebelkuchen", "zwiebelkuch", "zwiebelkxx", "zwiebelkyyyyy")
            return [spelling(uow, SearchQuery(text=one), closed).text for one in asked]

    before = offered("secret")
    assert before[0] == "zwiebelkuchan"
    words = ("zwiebelkuchen", "zwiebelkyyyyyy", "zwiebelkyyyyyz", "zwiebelkyyyyzz", "zwiebelkyyyyyx")
    team.publish("secret/own", tags={str(at): word for at, word in enumerate(words)})
    assert offered("secret") == before
    assert offered() != before, "who sees the team is told that the word is there"
