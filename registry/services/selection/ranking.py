"""Rankings that an engine runs in a process of their own: for a server, which loads no model itself.

What happens is written down as it happens, so that whoever waits sees each candidate when it has finished.
"""

from __future__ import annotations

from dataclasses import replace

from registry.domain.audit import Event
from registry.domain.ids import is_id, new_id
from registry.domain.people.people import Permission
from registry.domain.recipes.recipe import Resources
from registry.domain.selection.standings import Standings
from registry.domain.verbs.selection import Ranking, RankingState, Recommend
from registry.errors import NotFoundError, RegistryError
from registry.services.context import Context
from registry.services.selection.reading import dataset_of, refuse_unscorable

PREFIX = "sel-"
ENDED = "Its process ended without a result"


def is_one(text: str) -> bool:
    """True for the id of a ranking."""
    return is_id(text) and text.startswith(PREFIX)


def start(context: Context, wanted: Recommend) -> Ranking:
    """See `SelectionVerbs.start`."""
    context.actor.require(Permission.EDIT)
    data = dataset_of(context, wanted.dataset)
    refuse_unscorable(data, wanted.split)
    runner = context.plugins.engine(context.settings.engine)
    needs = runner.grant(Resources(cpus=context.settings.threads))
    now = context.clock.now()
    ranking = Ranking(
        id=new_id("sel", now),
        wanted=replace(wanted, dataset=wanted.dataset.to(data.summary.ref)),
        state=RankingState.QUEUED,
        created_at=now,
        created_by=context.actor.handle,
        engine=runner.name,
    )
    with context.write(Permission.EDIT) as uow:
        uow.selections.add_ranking(ranking)
        uow.commit(Event("selection.started", ranking.id, {"dataset": str(data.summary.ref)}))
    try:
        runner.start(ranking.id, context.home, needs)
    except RegistryError as error:
        _move(context, _failed(ranking, error))
        raise
    return stands(context, ranking.id)


def stands(context: Context, ranking_id: str) -> Ranking:
    """See `SelectionVerbs.ranking`."""
    found = _read(context, ranking_id)
    if not found.state.goes_on:
        return found
    alive = context.plugins.engine(found.engine).alive(ranking_id, context.home)
    found = _read(context, ranking_id)  # a process that has ended cannot write anything later
    if alive is False and found.state.goes_on:
        remedy = "Start it again; the log of the server's engine says more"
        return replace(found, state=RankingState.FAILED, code="unavailable", error=ENDED, remedy=remedy)
    return found


def run(context: Context, ranking_id: str) -> None:
    """What the process does: rank, and write down what happens. Raises: what `recommend` raises, once it is kept."""
    from registry.services.selection.recommending import recommend  # noqa: PLC0415 - it needs NumPy

    now = replace(_read(context, ranking_id), state=RankingState.RUNNING)
    _move(context, now)

    def watch(said: str) -> None:
        nonlocal now
        now = replace(now, told=(*now.told, said))
        _move(context, now)

    def show(standings: Standings) -> None:
        nonlocal now
        now = replace(now, standings=standings)  # written with what is said next

    try:
        recommend(context, now.wanted, watch, show, report_id=ranking_id)
    except RegistryError as error:
        _move(context, _failed(now, error))
        raise
    _move(context, replace(now, state=RankingState.SUCCEEDED))


def _failed(ranking: Ranking, error: RegistryError) -> Ranking:
    state = RankingState.FAILED
    return replace(ranking, state=state, code=error.code, error=error.message, remedy=error.remedy)


def _read(context: Context, ranking_id: str) -> Ranking:
    if not is_one(ranking_id):
        raise NotFoundError(f"{ranking_id[:80]!r} is not the id of a ranking")
    with context.read() as uow:
        found = uow.selections.ranking(ranking_id)
    if found is None:
        raise NotFoundError(f"There is no ranking {ranking_id} that was started")
    return found


def _move(context: Context, ranking: Ranking) -> None:
    """Write how it stands now."""
    with context.write(Permission.EDIT) as uow:
        uow.selections.move_ranking(ranking)
        uow.commit_unaudited()
