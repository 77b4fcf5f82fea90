"""What a reviewer sees beside a request: production, ancestors, and the policy's own words."""

from __future__ import annotations

import html

from registry.domain.names import Reference
from registry.domain.paging import PageRequest
from registry.web.governance.differences import against_production, ancestors_of, policy_words
from tests.serving import ServedRegistry


def test_a_request_shows_what_is_otherwise_in_production_the_ancestors_and_the_words_of_the_policy(
    own_served: ServedRegistry,
) -> None:
    registry = own_served.family.registry("ana")
    request = registry.promotions.request_detail(own_served.family.request.summary.id)
    ref = request.summary.ref
    with registry.context.write() as uow:
        other = next(one.ref for one in uow.catalog.versions(ref.name, PageRequest()).items if one.ref != ref)
        uow.catalog.set_alias("production", other, protected=True, by="ana", at=registry.context.clock.now())
        uow.commit_unaudited()
    found = against_production(registry, request, registry.catalog.version(Reference.to(ref)))
    assert found is not None
    assert (found.found.one, found.found.other) == (other, ref)
    assert found.found.weights is None, "no file is read for this page"
    assert {part for part, *_ in found.rows} <= {"version", "parents", "data", "recipe", "environment"}
    assert found.rows, "two versions that were made otherwise"
    ancestors, many = ancestors_of(registry, request)
    assert many == len(ancestors) > 0
    words = policy_words(registry, request)
    assert words["approval validator"] == "{role: validator, quorum: 1}"
    text = html.unescape(own_served.browser("ben").get(f"/promotions/{request.summary.id}").text)
    assert f'Now in production: <a href="/models/{other.name}/{other.number}"' in text
    assert "<pre>{role: validator, quorum: 1}</pre>" in text
    way = text.partition("<h2>Ancestors</h2>")[2].partition('href="/lineage')[2].partition('"')[0]
    assert own_served.browser("ben").get(f"/lineage{way}").status_code == 200
    assert ancestors[0].label in text.partition("<h2>Ancestors</h2>")[2].partition("<h2>Votes</h2>")[0]


def test_the_first_version_has_nothing_to_be_compared_with(own_served: ServedRegistry) -> None:
    page = own_served.browser("ben").get(f"/promotions/{own_served.family.request.summary.id}").text
    assert "Nothing else is in production." in page
