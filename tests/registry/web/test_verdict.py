"""The page of a step says whether the transfer was worth it, with every arm, interval and slice."""

from __future__ import annotations

from lineage import Digest
from tests.registry.web.test_pages import text_of
from tests.serving import ServedRegistry
from tests.verdicts import a_manifest, an_invalid_manifest


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
    assert "Benefit over scratch shown +0.1875" in seen
    assert "Detectable effect open" in seen
    assert "From scratch 0.625" in seen
    assert "+0.1875" in seen
    assert "No production: no version is in production." in seen
    assert "class dog worse 20 0.25 1 -0.7500" in seen
    assert '<details class="more" open>' in html
    manifest = client.get(f"/api/v1/transfers/{version.step}").json()["manifest"]
    assert manifest["facts"]["baselines"]["verdict"]["outcome"] == "inconclusive"


def test_a_void_verdict_is_shown_with_its_reason_and_an_invalid_arm_is_named(own_served: ServedRegistry) -> None:
    context, body = own_served.family.system.context, an_invalid_manifest()
    with context.read() as uow:
        version = uow.catalog.version(own_served.family.child)
    assert version is not None
    with context.write() as uow:
        uow.steps.set_manifest(version.step, body, Digest.of(body))
        uow.commit_unaudited()
    client = own_served.client("vic")
    seen = text_of(client.get(f"/steps/{version.step}").text)
    assert "no verdict The from-scratch baseline is invalid: it gives every row the same answer" in seen
    assert "From scratch invalid 0." in seen
    with context.write() as uow:
        uow.steps.void_verdict(version.step, "its stored answers cannot be read")
        uow.commit_unaudited()
    assert "void Its stored answers cannot be read" in text_of(client.get(f"/steps/{version.step}").text)
    overview = text_of(client.get(f"/models/{own_served.family.child.label}").text)
    assert "The verdict is void: its stored answers cannot be read" in overview


def test_a_step_without_baselines_says_nothing_of_it(served: ServedRegistry) -> None:
    step = served.client("vic").get("/api/v1/transfers").json()["items"][0]["id"]
    assert "Verdict on the transfer" not in served.client("vic").get(f"/steps/{step}").text
