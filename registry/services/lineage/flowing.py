"""What flows in an ancestry: along which links, and what begins where; and how that changes with the ancestry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from lineage import NodeId
from lineage.flow import Carried, Flow, Link, Marking


@dataclass(frozen=True, slots=True)
class Flowing:
    """The links of an ancestry, what each node has of its own, and what becomes of that along a link."""

    links: Sequence[Link]
    own: Mapping[NodeId, AbstractSet[str]]
    carried: Carried

    def flow(self) -> Flow:
        """All of it from the beginning."""
        return Flow.of(self.links, self.own, self.carried)


def follow(flow: Flow, before: Flowing, after: Flowing) -> None:
    """Make the flow of `before` that of `after`: only what differs between them is looked at."""
    gone, come = Counter(before.links), Counter(after.links)
    flow.change(
        unlinked=list((gone - come).elements()),
        linked=list((come - gone).elements()),
        unmarked=_missing(before.own, after.own),
        marked=_missing(after.own, before.own),
    )


def _missing(given: Mapping[NodeId, AbstractSet[str]], other: Mapping[NodeId, AbstractSet[str]]) -> Iterator[Marking]:
    """What nodes have in `given` and not in `other`."""
    for node, marks in given.items():
        yield from ((node, mark) for mark in sorted(marks - other.get(node, frozenset())))
