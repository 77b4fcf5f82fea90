"""A flow that follows a change of an ancestry has the marks of one from the beginning."""

from __future__ import annotations

from collections.abc import Hashable
from random import Random

from lineage.flow import Flow, Link
from registry.services.lineage.flowing import Flowing, follow

NODES, MARKS = range(12), ("a", "b", "c")


def carried(way: Hashable, mark: str) -> str | None:
    return None if (way, mark) == ("weak", "a") else mark


def drawn(draw: Random) -> Flowing:
    """Links lead from smaller to greater nodes; some are there twice, and some carry nothing."""
    ends = [sorted(draw.sample(NODES, 2)) for _ in range(draw.randrange(20))]
    links = [Link(source, target, draw.choice(("strong", "weak", None))) for source, target in ends]
    own = {node: set(draw.sample(MARKS, draw.randrange(3))) for node in draw.sample(NODES, 5)}
    return Flowing([*links, *links[:2]], own, carried)


def test_following_a_change_gives_what_a_flow_from_the_beginning_gives() -> None:
    for seed in range(500):
        draw = Random(seed)
        before, after = drawn(draw), drawn(draw)
        flow, again = before.flow(), after.flow()
        follow(flow, before, after)
        for node in NODES:
            assert flow.marks(node) == again.marks(node), f"seed {seed}"
            assert [flow.path(node, one) for one in flow.marks(node)] == [
                again.path(node, one) for one in flow.marks(node)
            ]


def test_what_does_not_change_is_not_looked_at() -> None:
    asked: list[tuple[Hashable, str]] = []

    def watched(way: Hashable, mark: str) -> str | None:
        asked.append((way, mark))
        return mark

    chain = [Link(node, node + 1, f"step {node}") for node in range(1000)]
    before = Flowing(chain, {0: {"a"}}, watched)
    after = Flowing([*chain[:-1], Link(5000, 1000, "new")], {0: {"a"}, 5000: {"b"}}, watched)
    flow: Flow = before.flow()
    asked.clear()
    follow(flow, before, after)
    assert flow.marks(1000) == {"b"}
    assert asked == [("new", "b")]
