"""The verbs of somebody to whom a team is closed."""

from __future__ import annotations

import pytest

from registry.domain.names import Name, Reference, VersionRef
from registry.domain.paging import PageRequest
from registry.domain.people.teams import Level, Member
from registry.errors import NotFoundError, PermissionDeniedError
from registry.services.sight.guarding import is_told_of_hidden, seen
from tests.registry.services.sight.worlds import context_of, family, registry_of, shut
from tests.registry.services.teams import Team


def give(team: Team, handle: str, level: Level) -> None:
    with team.open_uow(actor="root", write=True) as uow:
        uow.teams.set_member("secret", Member(handle, level, team.clock.now(), "root"))
        uow.commit_unaudited()


def test_without_a_closed_team_the_verbs_are_the_verbs(team: Team) -> None:
    assert type(registry_of(team, "ben").catalog).__name__ == "Catalog"
    shut(team, "secret")
    assert type(registry_of(team, "ben").catalog).__name__ == "_Guard"


def test_what_is_hidden_is_answered_in_the_words_for_what_does_not_exist(team: Team) -> None:
    base, _ = family(team)
    ben = registry_of(team, "ben")
    told = set()
    for name in (base.name, Name("nobody", "base")):
        with pytest.raises(NotFoundError) as error:
            ben.catalog.model(name)
        told.add(str(error.value).replace("nobody", "secret"))
    assert told == {"models:/secret/base does not exist. See what there is: forebear model list"}


def test_a_voter_needs_to_see_what_they_vote_on(team: Team) -> None:
    base, _ = family(team)
    root = registry_of(team, "root")
    asked = root.promotions.request(Reference.to(base), "candidate").summary.id
    with pytest.raises(NotFoundError, match=f"There is no promotion request {asked}"):
        registry_of(team, "ben").promotions.approve(asked)
    assert asked not in {one.id for one in registry_of(team, "ben").reviews.inbox().waiting}
    give(team, "ben", Level.READ)
    assert registry_of(team, "ben").promotions.request_detail(asked).summary.ref == base


def test_a_level_opens_what_it_includes(team: Team) -> None:
    base, _ = family(team)
    give(team, "ana", Level.READ)
    ana = registry_of(team, "ana")
    assert ana.catalog.version(Reference.to(base)).summary.ref == base
    with pytest.raises(PermissionDeniedError, match="ana has the level read in the closed team secret, and this needs"):
        ana.catalog.tag(Reference.to(base), {"a": "b"})
    give(team, "ana", Level.CONTRIBUTE)
    registry_of(team, "ana").catalog.tag(Reference.to(base), {"a": "b"})


def test_a_level_gives_nobody_what_their_roles_do_not(team: Team) -> None:
    base, _ = family(team)
    give(team, "guest", Level.MANAGE)
    with pytest.raises(PermissionDeniedError, match="needs the permission edit"):
        registry_of(team, "guest").catalog.tag(Reference.to(base), {"a": "b"})


def test_a_page_is_filled_from_those_that_follow(team: Team) -> None:
    base, _ = family(team)
    for number in range(6):
        team.publish("secret/base" if number % 2 else f"open/m{number}")
    ben = registry_of(team, "ben").transfers
    found, cursor = list[str](), None
    while True:
        page = ben.search(page=PageRequest(2, cursor))
        assert len(page.items) == 2 or page.next_cursor is None
        found += [str(one.wanted) for one in page.items]
        if (cursor := page.next_cursor) is None:
            break
    assert sorted(found) == ["open/child", "open/m0", "open/m2", "open/m4"]
    assert base.name.team not in " ".join(found)


def test_the_log_leaves_out_what_is_about_it_and_is_given_whole_to_nobody_else(team: Team) -> None:
    family(team)
    ben = registry_of(team, "ben").audit
    assert not [one for one in ben.search(page=PageRequest(500)).items if "secret" in f"{one.subject} {one.detail}"]
    for verb in (ben.export, lambda: ben.prove(1)):
        with pytest.raises(PermissionDeniedError, match="This is about every team, and ben does not see all of them"):
            verb()


def test_decisions_count_what_the_person_does_not_see(team: Team) -> None:
    """A policy reads the whole ancestry, whoever asks for the promotion."""
    base, child = family(team)
    known = registry_of(team, "ana").lineage.show(str(child))
    models = {one.label for one in known.nodes if one.kind == "model_version"}
    assert models == {"open/child/1", "closed-team/model-1/1"}
    inner = registry_of(team, "root").lineage.show(str(child))
    assert len(inner.nodes) == len(known.nodes)
    assert base.label in {one.label for one in inner.nodes}


def test_values_and_entries_are_told_apart_for_messages(team: Team) -> None:
    base, child = family(team)
    ben, root = context_of(team, "ben"), context_of(team, "root")
    refs: list[VersionRef] = [base, child]
    assert (seen(refs, ben), seen(refs, root)) == ([child], refs)
    assert is_told_of_hidden(ben, "team:secret", [])
    assert is_told_of_hidden(ben, "person:ana", [f'{{"ref": "{base}"}}'])
    assert not is_told_of_hidden(ben, str(child), ["open/child"])
    assert not is_told_of_hidden(root, str(base), [])
