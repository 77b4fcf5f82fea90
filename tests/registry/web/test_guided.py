"""The guided way: each page asks one question, and its address holds what was chosen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from registry.domain.comparison.verdict import Interval
from registry.domain.data.datasets import LabelKind
from registry.domain.names import Reference
from registry.domain.selection.report import LeftOut
from registry.domain.selection.standings import Standing, Standings
from registry.domain.verbs.selection import Ranking, RankingState, Recommend
from tests.builders import event, model_ref
from tests.registry.web.test_selection import report
from tests.serving import ServedRegistry, form_token

DATA = "data=datasets:/vision/digits/1"
SELECTION = report().id
WAITING = "sel-01m8hjx51z8wa8pzh11majgyyy"
RECIPE = "# Enough rows.\n# A paper. The ranking: x\nschema: forebear/recipe/v1\noutput: vision/new\n"
RECIPE += "method: fine_tuning\nsource: models:/library/lite0/1\ndata: {train: datasets:/vision/digits/1}\n"


@pytest.fixture
def ranked(own_served: ServedRegistry) -> ServedRegistry:
    """With a ranking that is done, and one that has failed."""
    context = own_served.family.registry("ana").context
    kept = report()
    starts = (replace(kept.starts[0], recipe=RECIPE),)
    failed = Ranking(
        WAITING,
        Recommend(Reference.parse("datasets:/vision/digits/1")),
        RankingState.FAILED,
        kept.created_at,
        "ana",
        "local",
        ("Reading <b>it</b>",),
        "not-found",
        "No model <here> can be scored",
        "Import one",
    )
    with context.write() as uow:
        uow.selections.add(replace(kept, starts=starts))
        uow.selections.add_ranking(failed)
        uow.commit(event("selection.recommended", kept.id))
    return own_served


def test_each_address_asks_the_first_question_that_it_does_not_answer(ranked: ServedRegistry) -> None:
    browser, way = ranked.browser("dev"), f"{DATA}&ranking={SELECTION}"
    asked = {
        "": "Which data?",
        DATA: "What <code>vision/digits/1</code> looks like",
        way: "Start from library/lite/1",
        f"{way}&start=1": "How to start from <code>library/lite/1</code>",
        f"{way}&start=1&method=fine_tuning": "Compare it with baselines?",
        f"{way}&start=1&method=fine_tuning&baselines=no": "This is all that is run, without baselines",
    }
    for query, words in asked.items():
        page = browser.get(f"/start?{query}").text
        assert words in page, query
        assert page.count('aria-current="step"') == 1
    recipe = browser.get(f"/start?{way}&start=1&method=feature_extraction&baselines=yes").text
    assert "# feature_extraction was chosen by hand. Recommended was fine_tuning: Enough rows." in recipe
    assert "<p>Enough rows. " in browser.get(f"/start?{way}&start=1").text
    for wrong in (f"{way}&start=2", f"{way}&start=1&method=none", DATA + "&ranking=sel-01m8hjx51z8wa8pzh11majgzzz"):
        assert browser.get(f"/start?{wrong}").status_code == 404, wrong


def test_a_ranking_that_failed_says_why_and_can_be_started_again(ranked: ServedRegistry) -> None:
    browser = ranked.browser("dev")
    page = browser.get(f"/start?{DATA}&ranking={WAITING}").text
    assert "No model &lt;here&gt; can be scored." in page
    assert "Rank again" in page
    told = browser.get(f"/start/rankings/{WAITING}").text
    assert "Reading &lt;b&gt;it&lt;/b&gt;" in told
    assert 'data-goes-on="no"' in told


def test_a_ranking_under_way_is_a_table_that_grows(ranked: ServedRegistry) -> None:
    browser, context = ranked.browser("dev"), ranked.family.registry("ana").context
    first, second = (model_ref(f"library/{name}/1") for name in ("lite", "heavy"))
    going = Ranking(
        WAITING[:-3] + "xxx",
        Recommend(Reference.parse("datasets:/vision/digits/1")),
        RankingState.RUNNING,
        report().created_at,
        "ana",
        "local",
        ("Scoring library/heavy/1 (2 of 2)",),
        standings=Standings(
            LabelKind.CLASS,
            (Standing(first, "MIT", Interval(0.9, 0.8, 0.95), 1.0, cached=False, flag=""),),
            (second,),
            (LeftOut(first, "invalid", "its features are <not> finite"),),
        ),
    )
    with context.write() as uow:
        uow.selections.add_ranking(going)
        uow.commit(event("selection.started", going.id))
    told = browser.get(f"/start/rankings/{going.id}").text
    page = browser.get(f"/start?{DATA}&ranking={going.id}").text
    for shown in (told, page):
        assert "<b>2 of 3 models done</b>" in shown
        assert "0.900 [0.800, 0.950]" in shown
        assert (
            shown.index("library/lite/1</a>") < shown.index("reads your rows") < shown.index("left out: its features")
        )
        assert "&lt;not&gt;" in shown
    assert 'data-goes-on="yes"' in told
    assert '<noscript><meta http-equiv="refresh"' in page  # it goes on where there is no JavaScript


@pytest.mark.slow
def test_a_row_of_a_file_that_was_sent_is_shown_escaped(own_served: ServedRegistry) -> None:
    browser = own_served.browser("dev")
    rows = "".join(f"<script>{n}</script>,{'a' if n % 2 else 'b'}\n" for n in range(20))
    sent = browser.post(
        "/api/v1/datasets/data/mine/versions",
        files={"file": ("My Reviews.csv", f"text,label\n{rows}".encode()), "details": (None, '{"licence": "mit"}')},
        headers={"X-CSRF-Token": form_token(browser.get("/start").text)},
    )
    assert sent.status_code == 201, sent.text
    page = browser.get("/start?data=datasets:/data/mine/1").text
    assert "&lt;script&gt;" in page
    assert "<script>1" not in page
    assert "No row is a copy of another" in page
    sent = browser.post(
        "/api/v1/datasets/data/bare/versions",
        files={
            "file": ("bare.csv", "".join(["text\n", *(f"row {n}\n" for n in range(20))]).encode()),
            "details": (None, '{"licence": "mit", "labels": "none"}'),
        },
        headers={"X-CSRF-Token": form_token(browser.get("/start").text)},
    )
    assert sent.status_code == 201, sent.text
    bare = browser.get("/start?data=datasets:/data/bare/1").text
    assert "Its rows have no labels" in bare
    assert "Rank the models on it" not in bare


def test_the_page_that_sends_data_says_how_much_the_server_takes(own_served: ServedRegistry) -> None:
    page = own_served.browser("vic").get("/start").text
    assert 'data-most="17179869184" data-files="50000"' in page
    assert "Up to 17.2 GB" in page


def test_what_was_not_chosen_on_the_pages_is_not_run(ranked: ServedRegistry) -> None:
    browser = ranked.browser("dev")
    form = {"csrf": form_token(browser.get("/start").text), "data": "datasets:/vision/digits/1", "ranking": SELECTION}
    form |= {"start": "1", "method": "fine_tuning", "baselines": "maybe"}
    assert browser.post("/start/run", data=form).status_code == 404
    assert browser.post("/start/run", data=form | {"baselines": "no", "start": "9"}).status_code == 404
