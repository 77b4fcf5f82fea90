"""The lineage page: bounded however big the family is, and open about what it leaves out."""

from __future__ import annotations

import re

import pytest

from lineage import Assurance, Relation, WeightComparison
from registry import bootstrap
from registry.services.storage.lineage import EdgeEvidence
from tests import builders
from tests.registry.api.test_costs import questions
from tests.registry.web.test_pages import text_of
from tests.serving import ServedRegistry, copy_of

BASE = "models:/wide/base/1"


@pytest.fixture(scope="module")
def wide(served: ServedRegistry, tmp_path_factory: pytest.TempPathFactory) -> ServedRegistry:
    """`wide/base` with 12 fine-tunings, and one of the first of those."""
    found = copy_of(served, tmp_path_factory.mktemp("wide") / "home")
    ana = bootstrap.open(found.family.home, settings=found.family.settings, actor="ana")
    with ana.context.write() as uow:
        base = builders.add_version(uow, "wide/base")
        children = [builders.add_version(uow, f"wide/tuned-{number}", parents=[base]) for number in range(12)]
        builders.add_version(uow, "wide/leaf", parents=[children[0]])
        uow.commit(*(builders.event(str(one)) for one in children))
    return found


def test_a_big_family_is_cut_with_counts_that_lead_to_the_next_of_it(wide: ServedRegistry) -> None:
    client = wide.client("vic")
    page = client.get("/lineage", params={"target": BASE}).text
    assert page.count("/models/wide/tuned-") < 20
    assert "+ 8 by fine tuning" in text_of(page)
    seen = set(re.findall(r"/models/wide/(tuned-\d+)/1", page))
    (following,) = set(re.findall(r'href="(/lineage\?[^"]*group=fine_tuning[^"]*after=[^"]*)"', page))
    rest = client.get(following.replace("&amp;", "&")).text
    assert set(re.findall(r"/models/wide/(tuned-\d+)/1", rest)) | seen == {f"tuned-{i}" for i in range(12)}


def test_the_overview_counts_children_by_method(wide: ServedRegistry) -> None:
    client = wide.client("vic")
    assert "Children 12 by fine tuning" in text_of(client.get("/models/wide/base/1").text)
    assert "Children none yet" in text_of(client.get("/models/wide/leaf/1").text)


def test_the_table_says_of_each_version_from_what_it_was_made_and_how_sure_that_is(served: ServedRegistry) -> None:
    page = text_of(served.client("vic").get("/lineage", params={"target": "models:/vision/digits/2"}).text)
    table = page.partition("The same as a table")[2]
    assert "vision/digits/2 this one fine tuning" in table
    assert re.search(r"library/lite0/1 \d before import", table)
    assert "vision/digits/1 source" in table


def test_a_family_of_twelve_costs_as_many_questions_as_one_of_two(wide: ServedRegistry) -> None:
    client = wide.client("vic")
    counts = []
    for target in (BASE, "models:/wide/tuned-0/1"):
        client.get("/lineage", params={"target": target})
        with questions() as asked:
            client.get("/lineage", params={"target": target})
        counts.append(len(asked))
    assert max(counts) - min(counts) <= 4  # a level of the tree more or less
    assert max(counts) < 25


def test_the_lineage_page_shows_what_was_recorded_by_a_day_and_says_when_there_was_nothing_yet(
    served: ServedRegistry,
) -> None:
    client = served.client("vic")
    now = client.get("/lineage", params={"target": "models:/vision/digits/2", "at": "2099-01-01"})
    assert "vision/digits/1" in text_of(now.text)
    assert "at=2099-01-01" in now.text
    before = client.get("/lineage", params={"target": "models:/vision/digits/2", "at": "2001-01-01"})
    assert before.status_code == 404
    assert "did not exist yet" in text_of(before.text)
    assert client.get("/lineage", params={"target": "models:/vision/digits/2", "at": "soon"}).status_code == 400


def test_a_filter_shows_what_matches_and_says_how_many(served: ServedRegistry) -> None:
    client = served.client("vic")
    asked = {"target": "models:/library/lite0/1"}
    page = client.get("/lineage", params=asked | {"stage": "candidate", "licence": "permissive"}).text
    assert "1 version matches" in text_of(page)
    assert "/models/vision/digits/2" in page
    assert 'value="candidate"' in page
    assert 'value="permissive" selected' in page
    nothing = text_of(client.get("/lineage", params=asked | {"status": "recalled"}).text)
    assert "Nothing in this lineage matches" in nothing
    wrong = client.get("/lineage", params=asked | {"method": "magic"})
    assert wrong.status_code == 400
    assert "There is no method" in text_of(wrong.text)


@pytest.mark.parametrize("said", [Relation.UNRELATED, Relation.FINE_TUNED])
def test_the_page_of_a_version_says_what_its_weights_say_of_the_parent(wide: ServedRegistry, said: Relation) -> None:
    """Beside its name, and not on the lineage page alone: a parent that is not one looked like any other."""
    assurance = Assurance.VERIFIED if said.supports else Assurance.CONTRADICTED
    ana = bootstrap.open(wide.family.home, settings=wide.family.settings, actor="ana")
    with ana.context.write() as uow:
        child = builders.add_version(
            uow, f"wide/{assurance}", parents=[builders.model_ref("wide/base/1")], assurance=Assurance.DECLARED
        )
        step = uow.corrections.step_of(child)
        evidence = EdgeEvidence(WeightComparison(said, "By its neurons", 1, 1, 100), builders.NOW)
        uow.graph.add_comparison(step, BASE, evidence)
        uow.graph.set_assurance(step, BASE, assurance, at=builders.NOW)
        uow.commit(builders.event(str(child)))
    page = wide.client("vic").get(f"/models/{child.label}").text
    assert f"Parent wide/base/1 {assurance}" in " ".join(text_of(page).split())
