"""How a ranking stands while candidates are still being scored."""

from __future__ import annotations

from registry.domain.names import Reference
from registry.domain.selection.standings import Standings
from registry.domain.verbs.selection import Recommend
from registry.services.context import Context
from registry.services.selection.verbs import Selection
from tests.registry.services.selection.worlds import DATA


def test_the_ranking_grows_and_is_sorted_anew_as_candidates_finish(context: Context) -> None:
    models = tuple(Reference.parse(f"models:/library/{name}") for name in ("weak", "strong"))
    seen: list[Standings] = []
    report = Selection(context).recommend(Recommend(DATA, models=models), show=seen.append)
    names = [[one.ref.name.name for one in found.scored] for found in seen]
    assert names[:2] == [[], [names[1][0]]]
    assert sorted(names[2]) == ["strong", "weak"]
    assert names[2] == [one.ref.name.name for one in report.ranked]
    assert [len(found.waiting) for found in seen] == [2, 1, 0]
    assert {found.total for found in seen} == {2}
