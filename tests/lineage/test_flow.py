"""The laws of marks that flow down a graph: a mark more with each link, a path for each mark, the same every time."""

from __future__ import annotations

import os
import random
from collections.abc import Hashable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage import CycleError, UnknownLinkError
from lineage.flow import Flow, Link
from tests.lineage.worlds import LAW

MARKS = ("red", "blue", "green")


World = tuple[list[int], list[Link], dict[int, set[str]]]


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Nodes, links from smaller to larger ones whose way is how far they reach, and own marks of some."""
    count = draw(st.integers(2, 10))
    pairs = [(a, b) for a in range(1, count + 1) for b in range(a + 1, count + 1, 2)]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=14))
    own = draw(st.dictionaries(st.integers(1, count), st.sets(st.sampled_from(MARKS), min_size=1), max_size=count))
    return list(range(1, count + 1)), [Link(a, b, b - a) for a, b in chosen], own


def everything(way: Hashable, mark: str) -> str | None:
    return mark


def fading(way: Hashable, mark: str) -> str | None:
    """Red ends on long links, and blue becomes green on short ones."""
    short = way in {1, 2}
    return None if mark == "red" and not short else "green" if mark == "blue" and short else mark


@LAW
@given(worlds())
def test_a_node_has_the_marks_of_all_its_ancestors_where_every_link_carries_them(world: World) -> None:
    nodes, links, own = world
    found = Flow.of(links, own, everything)
    for node in nodes:
        above, waiting = set[int](), [node]
        while waiting:
            key = waiting.pop()
            if key not in above:
                above.add(key)
                waiting += [link.source for link in links if link.target == key]
        assert found.marks(node) == {mark for key in above for mark in own.get(key, ())}


@LAW
@given(worlds(), st.data())
def test_one_more_link_never_removes_a_mark(world: World, data: st.DataObject) -> None:
    nodes, links, own = world
    fewer = [link for link in links if data.draw(st.booleans())]
    before, after = (Flow.of(some, own, fading) for some in (fewer, links))
    assert all(before.marks(node) <= after.marks(node) for node in nodes)


@LAW
@given(worlds())
def test_every_mark_has_a_path_of_links_that_carry_it_from_where_it_begins(world: World) -> None:
    nodes, links, own = world
    found = Flow.of(links, own, fading)
    by_ends = {(link.source, link.target): link.way for link in links}
    for node in nodes:
        for mark in found.marks(node):
            path = found.path(node, mark)
            assert path[-1] == node
            possible = set(own.get(path[0], ()))
            for ends in pairwise(path):
                possible = {passed for one in possible if (passed := fading(by_ends[ends], one)) is not None}
            assert mark in possible


@LAW
@given(worlds())
def test_marks_that_arrived_flow_no_further_when_they_flow_again(world: World) -> None:
    nodes, links, own = world
    once = Flow.of(links, own, everything)
    twice = Flow.of(links, {node: once.marks(node) for node in nodes}, everything)
    assert all(once.marks(node) == twice.marks(node) for node in nodes)


WORLDS = int(os.environ.get("FLOW_WORLDS", "1000"))
"""`make flow-walk` asks for more."""


def test_after_any_changes_all_marks_and_ways_are_those_of_a_flow_from_the_beginning() -> None:
    drawn = random.Random(os.environ.get("FLOW_SEED", "7"))
    changes = refused = 0
    for _ in range(WORLDS):
        nodes = drawn.sample(range(1, 60), drawn.randint(2, 16))
        links = [link for _ in range(drawn.randint(0, 30)) if (link := drawn_link(drawn, nodes)) is not None]
        own = {node: {drawn.choice(MARKS)} for node in nodes if drawn.random() < 0.3}
        flow = Flow.of(links, own, fading)
        for _ in range(6):
            before = {node: flow.marks(node) for node in nodes}
            linked = [
                Link(drawn.choice(nodes), drawn.choice(nodes), drawn.choice([1, 2, 3, None]))
                for _ in range(drawn.randint(0, 2))
            ]
            unlinked = drawn.sample(links, min(len(links), drawn.randint(0, 2)))
            marked = [(drawn.choice(nodes), drawn.choice(MARKS)) for _ in range(drawn.randint(0, 1))]
            unmarked = [(node, mark) for node, some in own.items() for mark in some if drawn.random() < 0.2]
            later = [*multiset_less(links, unlinked), *linked]
            if has_cycle(nodes, later):
                refused += 1
                with pytest.raises(CycleError):
                    flow.change(linked=linked, unlinked=unlinked, marked=marked, unmarked=unmarked)
            else:
                links = later
                for node, mark in unmarked:
                    own[node] = own[node] - {mark}
                for node, mark in marked:
                    own[node] = own.get(node, set()) | {mark}
                told = flow.change(linked=linked, unlinked=unlinked, marked=marked, unmarked=unmarked)
                assert told == {node for node in nodes if flow.marks(node) != before[node]}
            changes += 1
            again = Flow.of(links, own, fading)
            for node in nodes:
                marks = again.marks(node)
                assert flow.marks(node) == marks
                assert [flow.path(node, mark) for mark in marks] == [again.path(node, mark) for mark in marks]
    assert changes == 6 * WORLDS
    assert changes > 4 * refused > 0
    if WORLDS > 1000:
        print(f"\n{WORLDS:,} graphs, {changes:,} changes, {refused:,} of them refused as cycles: 0 differences")


def drawn_link(drawn: random.Random, nodes: list[int]) -> Link | None:
    """From a node to a later one of the list, by any way; None where chance gave one node twice."""
    one, two = sorted(drawn.choices(range(len(nodes)), k=2))
    return Link(nodes[one], nodes[two], drawn.choice([1, 2, 3, None])) if one < two else None


def multiset_less(links: list[Link], gone: list[Link]) -> list[Link]:
    left = list(links)
    for link in gone:
        left.remove(link)
    return left


def has_cycle(nodes: list[int], links: list[Link]) -> bool:
    """Whether nodes stay when those without links into them are taken away, again and again."""
    left, some = set(nodes), [link for link in links if link.way is not None]
    while free := {node for node in left if all(link.target != node for link in some)}:
        left -= free
        some = [link for link in some if link.source in left]
    return bool(left)


def test_a_change_looks_at_no_more_than_what_differs() -> None:
    asked = list[tuple[Hashable, str]]()

    def counted(way: Hashable, mark: str) -> str | None:
        asked.append((way, mark))
        return mark

    chain = [Link(node, node + 1, node) for node in range(1000)]
    flow = Flow.of([*chain, Link(5000, 501, "other")], {5000: {"red"}}, counted)
    assert len(asked) == 500  # the mark comes in half-way: nothing above was asked about
    asked.clear()
    assert flow.change(marked=[(990, "blue")]) == set(range(990, 1001))
    assert {way for way, _ in asked} == set(range(990, 1000))
    asked.clear()
    assert flow.change(linked=[Link(1, 2, "again")]) == set()
    assert not asked


def test_a_link_that_is_not_there_cannot_be_taken_away_and_the_flow_stays_as_it_was() -> None:
    flow = Flow.of([Link(1, 2, 1)], {1: {"green"}}, fading)
    with pytest.raises(UnknownLinkError, match="no link leads from 2 to 1 in this way"):
        flow.change(linked=[Link(2, 3, 1)], unlinked=[Link(1, 2, 1), Link(2, 1, 1)], marked=[(2, "red")])
    assert [flow.marks(node) for node in (1, 2, 3)] == [{"green"}, {"green"}, set()]


@pytest.mark.parametrize("links", [[(1, 1)], [(1, 2), (2, 1)], [(1, 2), (2, 3), (3, 2), (3, 4)]])
def test_a_cycle_is_refused_from_the_beginning_too(links: list[tuple[int, int]]) -> None:
    with pytest.raises(CycleError):
        Flow.of([Link(*ends, 1) for ends in links], {}, fading)
