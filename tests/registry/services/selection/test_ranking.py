"""Rankings that an engine runs: what is seen of them while they go on, and when they end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from registry.domain.audit import read_body
from registry.domain.names import Reference
from registry.domain.verbs.selection import Ranking, RankingState, Recommend
from registry.errors import InvalidError, NotFoundError, UnavailableError
from registry.services.context import Context
from registry.services.selection.ranking import run
from registry.services.selection.verbs import Selection
from tests.fakes.plugins import FakeEngine, FakePlugins
from tests.registry.services.selection.worlds import DATA

STRONG = Reference.parse("models:/library/strong")
WANTED = Recommend(DATA, models=(STRONG, Reference.parse("models:/library/broken")))


@pytest.fixture
def engine(context: Context) -> FakeEngine:
    """The engine of the registry, as if it had never run anything."""
    assert isinstance(context.plugins, FakePlugins)
    found = context.plugins.fake_engine
    found.dead, found.running = set(), set()
    return found


def test_each_candidate_is_seen_when_it_has_finished_and_the_report_has_the_id_of_the_ranking(
    context: Context, engine: FakeEngine
) -> None:
    selection = Selection(context)
    started = selection.start(WANTED)
    assert (started.state, started.told) == (RankingState.QUEUED, ())
    assert engine.started[-1] == started.id
    with context.read() as uow:
        *_, entry = uow.audit.entries()
    assert read_body(entry.body).columns.action == "selection.started"
    run(context, started.id)
    ended = selection.ranking(started.id)
    assert ended.state is RankingState.SUCCEEDED
    assert ended.told[2].startswith("Scored library/strong/1: accuracy 0.9")
    assert ended.told[2].endswith("(1 of 2)")
    assert ended.told[4].startswith("Left out library/broken/1: ")
    standings = ended.standings
    assert standings is not None
    assert [str(one.ref) for one in standings.scored] == ["models:/library/strong/1"]
    assert [one.code for one in standings.left_out] == ["bad-data"]
    assert (standings.waiting, standings.done, standings.total) == ((), 2, 2)
    report = selection.report(started.id)
    assert standings.scored[0].score == report.ranked[0].score
    assert [one.ref.name.name for one in report.ranked] == ["strong"]
    assert str(ended.wanted.dataset) == str(report.dataset) == "datasets:/data/reviews/1"


def test_a_ranking_that_fails_keeps_why_and_one_whose_process_ended_has_failed(
    context: Context, engine: FakeEngine
) -> None:
    selection = Selection(context)
    failing = selection.start(replace(WANTED, models=WANTED.models[1:]))
    with pytest.raises(NotFoundError):
        run(context, failing.id)
    found = selection.ranking(failing.id)
    assert (found.state, found.code) == (RankingState.FAILED, "not-found")
    assert found.error.startswith("No model here can be scored on datasets:/data/reviews/1. library/broken/1: ")
    run_again = selection.start(WANTED)
    engine.dead.add(run_again.id)
    assert selection.ranking(run_again.id).error == "Its process ended without a result"
    with pytest.raises(NotFoundError, match="no selection report"):
        selection.report(run_again.id)


def test_what_cannot_be_ranked_is_refused_before_anything_is_started(context: Context, engine: FakeEngine) -> None:
    selection, before = Selection(context), list(engine.started)
    with pytest.raises(NotFoundError):
        selection.start(replace(WANTED, dataset=Reference.parse("datasets:/no/data")))
    with pytest.raises(InvalidError, match="has no labels"):
        selection.start(replace(WANTED, dataset=Reference.parse("datasets:/data/bare")))
    with pytest.raises(InvalidError, match="All 12 rows of datasets:/data/reviews/1 are of one class"):
        selection.start(replace(WANTED, split="odd"))
    with pytest.raises(InvalidError, match="has no split 'nowhere'"):
        selection.start(replace(WANTED, split="nowhere"))
    for wrong in ("sel-01m8hjx51z8wa8pzh11majgyxx", "step-01m8hjx51z8wa8pzh11majgyxx", "x"):
        with pytest.raises(NotFoundError):
            selection.ranking(wrong)
    assert engine.started == before


def test_an_engine_that_does_not_start_leaves_a_ranking_that_failed(
    context: Context, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(step_id: str) -> None:
        raise UnavailableError("The cluster is away")

    monkeypatch.setattr(engine, "work", refuse)
    with pytest.raises(UnavailableError):
        Selection(context).start(WANTED)
    found: Ranking = Selection(context).ranking(engine.started[-1])
    assert (found.state, found.error) == (RankingState.FAILED, "The cluster is away")
