"""The list of sources comes by pages, by the name of the repository."""

from __future__ import annotations

from registry.domain.paging import PageRequest
from registry.services.governance.upstreams.verbs import Upstreams
from tests.builders import add_version
from tests.registry.services.teams import Team, ref_of


def test_sources_are_listed_by_their_name_a_page_at_a_time(team: Team) -> None:
    upstreams = Upstreams(team.context("ana"))
    for number, name in enumerate(("zeta/b", "Acme/a", "mid/c"), start=1):
        with team.open_uow(actor="ana", write=True) as uow:
            ref = add_version(uow, f"library/m{number}")
            uow.commit_unaudited()
        upstreams.pin(ref_of(ref), f"hf:{name}")
    first = upstreams.list(page=PageRequest(2))
    rest = upstreams.list(page=PageRequest(2, first.next_cursor))
    assert [one.upstream for one in (*first.items, *rest.items)] == ["hf:Acme/a", "hf:mid/c", "hf:zeta/b"]
    assert rest.next_cursor is None
