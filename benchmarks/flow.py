"""What it costs to let marks flow down a family, all of it and after a change, in seconds of CPU, beside networkx.

The family is generated: each step takes one or two of the versions before it, the popular ones more often, and every
other step data too. A mark is set on its root and taken away again, and an edge near the root comes and goes; what
differs then is as many nodes as the heading says. After each change the marks of all nodes are compared with a flow of
the whole family from the beginning. The peer finds the same nodes by `networkx.descendants`, without a way to each.

    python -m benchmarks.flow [10000 100000]
"""

from __future__ import annotations

import argparse
import gc
import random
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import networkx  # type: ignore[import-untyped]

from lineage.flow import Flow, Link

T = TypeVar("T")
ROOT, TOP = 0, 2
"""The oldest version, and the version that the first step made of it."""
MARKS = tuple(f"mark-{number}" for number in range(3))
TURNS = 5


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", type=int, nargs="*", default=[10_000, 100_000])
    for size in parser.parse_args().sizes:
        measure(size)


def family(nodes: int, seed: int = 1) -> list[Link]:
    """Links of a family of versions (even) and steps (odd), all of which come from `ROOT`."""
    drawn, ends = random.Random(seed), [ROOT]
    links = list[Link]()
    for step in range(1, nodes, 2):
        parents = {TOP if len(ends) == 2 else drawn.choice(ends)}
        if drawn.random() < 0.3:
            parents.add(drawn.choice(ends))
        if step > 3:
            parents.discard(ROOT)
            parents = parents or {TOP}
        links += [Link(parent, step, "weights") for parent in sorted(parents)]
        links.append(Link(step, step + 1, "weights"))
        ends += [*parents, step + 1]
    data = nodes + 2
    links += [Link(data + drawn.randrange(50), step, "data") for step in range(1, nodes, 4)]
    return links


def measure(size: int) -> None:
    """Print a table, and stop where an answer is wrong."""
    links = family(size)
    own = {size + 2 + place: {MARKS[place % 3]} for place in range(50)}
    nodes = sorted({end for link in links for end in link[:2]})
    flow, full = timed(lambda: Flow.of(links, own, carried))
    first = next(link for link in links if link.source == TOP)
    shortcut = Link(ROOT, first.target, "weights")
    changes: dict[str, Callable[[], frozenset[int]]] = {
        "a mark is set on the root": lambda: flow.change(marked=[(ROOT, "personal-data")]),
        "an edge comes that makes one way shorter": lambda: flow.change(linked=[shortcut]),
        "that edge goes": lambda: flow.change(unlinked=[shortcut]),
        "the first edge below the root goes": lambda: flow.change(unlinked=[links[0]]),
        "it comes back": lambda: flow.change(linked=[links[0]]),
        "the mark is taken away": lambda: flow.change(unmarked=[(ROOT, "personal-data")]),
    }
    costs: dict[str, list[float]] = {name: [] for name in changes}
    counts: dict[str, int] = {}
    for _ in range(TURNS):
        for name, change in changes.items():
            found, seconds = timed(change)
            costs[name].append(seconds)
            counts[name] = len(found)
            compare(flow, links, own, name, nodes, shortcut)
    graph = networkx.DiGraph([link[:2] for link in links])
    walked, peer = timed(lambda: networkx.descendants(graph, ROOT))
    print(f"\n{size:,} nodes, {len(links):,} edges; {len(walked) + 1:,} of them come from the root\n")
    print("| change | nodes whose marks differ | CPU s, median of 5 | worst |\n|---|---|---|---|")
    print(f"| all of it from the beginning | {len(nodes):,} | {full:.3f} | |")
    for name, some in costs.items():
        print(f"| {name} | {counts[name]:,} | {sorted(some)[TURNS // 2]:.3f} | {max(some):.3f} |")
    print(f"| `networkx.descendants` of the root: one mark, no ways | {len(walked):,} | {peer:.3f} | |")


def compare(
    flow: Flow, links: Sequence[Link], own: dict[int, set[str]], name: str, nodes: Sequence[int], shortcut: Link
) -> None:
    """Raises: SystemExit where a node has other marks, or another way, than by a flow from the beginning."""
    marked = own if name == "the mark is taken away" else {**own, ROOT: {"personal-data"}}
    some = list(links)
    if name == "an edge comes that makes one way shorter":
        some.append(shortcut)
    if name == "the first edge below the root goes":
        some.remove(links[0])
    again = Flow.of(some, marked, carried)
    for node in nodes:
        marks = again.marks(node)
        if flow.marks(node) != marks or any(flow.path(node, one) != again.path(node, one) for one in marks):
            raise SystemExit(f"After {name}, node {node} differs from a flow of the whole family")


def carried(way: object, mark: str) -> str | None:
    """Weights carry all marks, data all but one."""
    return None if way == "data" and mark == MARKS[2] else mark


def timed(run: Callable[[], T]) -> tuple[T, float]:
    """What it gives, and its seconds of CPU."""
    gc.collect()
    before = time.process_time()
    done = run()
    return done, time.process_time() - before


if __name__ == "__main__":
    main()
