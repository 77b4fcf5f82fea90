"""The pages and the API of selection reports."""

from __future__ import annotations

from datetime import UTC, datetime

from lineage import Digest
from registry.domain.codec import to_json
from registry.domain.comparison.verdict import Interval
from registry.domain.data.datasets import LabelKind
from registry.domain.names import Reference, VersionRef
from registry.domain.recipes.recipe import Method
from registry.domain.selection.report import Classical, LeftOut, RankedModel, SelectionReport, Start
from tests.builders import event
from tests.serving import ServedRegistry


def ref(text: str) -> VersionRef:
    found = Reference.parse(text)
    assert found.number is not None
    return VersionRef(found.kind, found.name, found.number)


def report() -> SelectionReport:
    first, second = ref("models:/library/lite/1"), ref("models:/library/raw/1")
    score = Interval(0.9, 0.88, 0.92)
    scores = {"probe": 0.9, "logme": 0.4}
    ranked = RankedModel(
        first,
        Digest.of(b"1"),
        "a",
        "MIT",
        ("attribution",),
        score,
        scores,
        1.0,
        None,
        10,
        20,
        3.0,
        False,
        priors={"history": 0.25},
    )
    flagged = RankedModel(
        second, Digest.of(b"2"), "a", "MIT", (), score, scores, 2.0, score, 10, 20, 0.0, True, "it was <never> trained"
    )
    return SelectionReport(
        id="sel-01m8hjx51z8wa8pzh11majgyxx",
        dataset=ref("datasets:/vision/digits/1"),
        data=Digest.of(b"data"),
        split="train",
        rows=30,
        scored=20,
        labels=LabelKind.CLASS,
        conclusion="Start from library/lite/1: accuracy 0.900",
        ranked=(ranked, flagged),
        left_out=(LeftOut(second, "refused", "it is suspended"),),
        classical=Classical("pixels", score, score, 1.0),
        starts=(Start(first, Method.FINE_TUNING, "Enough rows", "A paper", "schema: <b>"),),
        created_at=datetime(2026, 1, 2, tzinfo=UTC),
        created_by="ana",
        notes=("The scores disagree",),
    )


def test_a_report_is_shown_escaped_and_given_as_it_was_kept(own_served: ServedRegistry) -> None:
    kept = report()
    with own_served.family.system.context.open_uow(actor="ana", write=True) as uow:
        uow.selections.add(kept)
        uow.commit(event())
    client, browser = own_served.client("ana"), own_served.browser("ana")
    shown = browser.get(f"/selections/{kept.id}").text
    assert "it was &lt;never&gt; trained" in shown
    assert "schema: &lt;b&gt;" in shown
    assert "0.900 [0.880, 0.920]" in shown
    assert "it is suspended" in shown
    assert "+0.250" in shown
    assert kept.conclusion in browser.get("/selections?dataset=datasets:/vision/digits/1").text
    assert client.get(f"/api/v1/selections/{kept.id}").json() == to_json(kept)
    assert client.get("/api/v1/selections").json() == [to_json(kept)]
    assert client.get("/api/v1/selections/sel-01m8hjx51z8wa8pzh11majgyyy").status_code == 404
    assert browser.get("/selections/nonsense").status_code == 404


def test_who_reviews_a_promotion_sees_why_this_parent_was_chosen(own_served: ServedRegistry) -> None:
    kept, family = report(), own_served.family
    with family.system.context.open_uow(actor="ana", write=True) as uow:
        uow.selections.add(kept)
        uow.commit(event())
    about, page = family.request.summary, f"/promotions/{family.request.summary.id}"
    catalog, browser = family.registry("ana").catalog, own_served.browser("ana")
    assert "Why this parent" not in browser.get(page).text
    catalog.tag(Reference.to(about.ref), {"selection": kept.id})
    shown = browser.get(page).text
    assert "Why this parent" in shown
    assert kept.conclusion in shown
    assert f"/selections/{kept.id}" in shown
    assert f'href="/selections/{kept.id}"' in browser.get(f"/models/{about.ref.label}").text
    catalog.tag(Reference.to(about.ref), {"selection": "sel-nothing"})
    answered = browser.get(page)
    assert answered.status_code == 200
    assert "Why this parent" not in answered.text
