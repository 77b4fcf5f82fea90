"""The page of a step says whether the transfer was worth it, with every arm, interval and slice."""

from __future__ import annotations

from lineage import Digest
from tests.registry.web.test_pages import text_of
from tests.serving import ServedRegistry
from tests.verdicts import a_manifest


def test_a_step_with_baselines_shows_its_verdict_and_opens_the_slices_that_got_worse(
    own_served: ServedRegistry,
) -> None:
    context, body = own_served.family.system.context, a_manifest()
    with context.read() as uow:
        version = uow.catalog.version(own_served.family.child)
    assert version is not None
    with context.write() as uow:
        uow.steps.set_manifest(version.step, body, Digest.of(body))
        uow.commit_unaudited()
    client = own_served.client("vic")
    html = client.get(f"/steps/{version.step}").text
    seen = text_of(html)
    assert (
        "Verdict on the transfer inconclusive Worse than from scratch on class dog: 0.250 against 1.000 accuracy"
        in seen
    )
    assert "From scratch 0.625" in seen
    assert "+0.1875" in seen
    assert "No production: no version is in production." in seen
    assert "class dog worse 20 0.25 1 -0.7500" in seen
    assert '<details class="more" open>' in html
    manifest = client.get(f"/api/v1/transfers/{version.step}").json()["manifest"]
    assert manifest["facts"]["baselines"]["verdict"]["outcome"] == "inconclusive"


def test_a_step_without_baselines_says_nothing_of_it(served: ServedRegistry) -> None:
    step = served.client("vic").get("/api/v1/transfers").json()["items"][0]["id"]
    assert "Verdict on the transfer" not in served.client("vic").get(f"/steps/{step}").text
