"""What the whole impact of something costs at the size of `catalog`, beside a walk in C, in CPU milliseconds.

Asked are the versions whose impact is nearest to some numbers of nodes (`--nodes`). First the keys alone:
the compiled graph, a C walk over the same arrays, scipy, graph libraries where they are installed, and queries by hand.
Then what a person asks, with the facts of the versions, and what it takes to compile the graph and to keep it current.
Each set of keys is compared with that of the C walk.

    python -m benchmarks.impact /tmp/scale 10000 100000 [1000000]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.catalog import Cost, number, open_registry, repeat
from benchmarks.lineage import Graph, by_hand, peers
from benchmarks.material.c_walk import c_walk
from benchmarks.material.catalog import World
from lineage.compiled import STEP, CompiledGraph, CurrentGraph
from lineage.reaching import reach
from registry.domain.governance.recalls import Level, NewRecall
from registry.services.lineage.impact import table
from registry.services.registry import LocalRegistry
from registry.storage.database import default_url, open_database
from registry.storage.lineage.generations import Generations

NEAR = (250_000, 25_000)
"""Nodes of the impacts that are asked about."""
Keys = Callable[[int], Iterable[int]]


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("sizes", type=int, nargs="+")
    parser.add_argument("--nodes", type=int, nargs="+", default=NEAR, help="of the impacts that are asked about")
    parser.add_argument("--alone", action="store_true", help="leave out the peers, but for the C walk")
    given = parser.parse_args()
    for size in given.sizes:
        home = given.folder / "sqlite" / str(size)
        with open_registry(home, size) as registry:
            print(f"\n{size:,} models")
            compiling(registry, home)
            with open_database(default_url(home)) as database:
                graph = Graph(database.engine)
            measure(registry, World(size), graph, given.nodes, alone=given.alone)


def measure(registry: LocalRegistry, world: World, graph: Graph, nodes: Iterable[int], *, alone: bool) -> None:
    """Print a table for each of the versions."""
    with registry.context.read() as uow:
        current = uow.impact.graph()
    walk = c_walk(current.base.starts, current.base.targets, Path(tempfile.mkdtemp(prefix="forebear-walk-")))
    if walk is None:
        raise SystemExit("The C walk, which all others are compared with, needs a C compiler (cc)")
    keys = np.array([world.model_node(i) for i in range(min(world.size, 3000))])
    sizes = {int(key): len(walk(int(place))) for key, place in zip(keys, current.places(keys), strict=True)}
    asked = [min(sizes, key=lambda key, near=near: abs(sizes[key] - near)) for near in nodes]  # type: ignore[misc]
    others = {} if alone else peers(graph, up=False) | by_hand(graph, up=False)
    for key in dict.fromkeys(asked):
        print(f"\n| {sizes[key]:,} nodes | p50 / p95 / p99 | times the C walk | wrong |\n|---|---|---|---|")
        versions_of(current, walk, key, others)
        with_facts(registry, key)


def versions_of(current: CurrentGraph, walk: Callable[[int], np.ndarray], key: int, others: dict[str, Keys]) -> None:
    """The keys of all versions that are reached, by each engine."""
    rules, start = table(current), current.places(np.array([key]))

    def compiled(_: int) -> np.ndarray:
        found = reach(current, start, rules)
        return current.keys_at(found.places)

    versions = current.keys_at(np.flatnonzero(current.all_kinds < STEP))
    right = np.intersect1d(current.keys_at(walk(int(start[0]))), versions)
    least = repeat(lambda: walk(int(start[0])))
    print_row("keys: a walk in C", least, least, "")
    engines: dict[str, Keys] = {"forebear's compiled graph": compiled, **others}
    for name, ask in engines.items():
        found = np.intersect1d(np.fromiter(ask(key), np.int64), versions)
        print_row(f"keys: {name}", repeat(partial(ask, key)), least, len(np.setxor1d(found, right)))


def with_facts(registry: LocalRegistry, key: int) -> None:
    """What people ask."""
    lineage = registry.lineage
    with registry.context.read() as uow:
        ref = str(uow.impact.facts([key])[key].ref)
    asked: dict[str, Callable[[], object]] = {
        "forebear lineage impact": lambda: lineage.impact(ref),
        "first 50 versions": lambda: lineage.affected(ref),
        "first 50 versions with their ways": lambda: lineage.affected(ref, ways=True),
        "every version, streamed": lambda: sum(1 for _ in lineage.every_affected(ref)),
        "every version with its way, streamed": lambda: sum(1 for _ in lineage.every_affected(ref, ways=True)),
        "forebear recall preview": lambda: registry.recalls.preview(NewRecall(ref, Level.RECALL)),
    }
    for name, ask in asked.items():
        print_row(name, repeat(ask), None, "")


def compiling(registry: LocalRegistry, home: Path) -> None:
    """What it takes to have the compiled graph, and how much newer edges add to each question."""
    engine = registry.context.open_uow.generations  # type: ignore[attr-defined]
    with tempfile.TemporaryDirectory(prefix="forebear-graph-", dir=home) as folder, registry.context.read() as uow:
        connection = uow.impact._connection  # type: ignore[attr-defined]
        with timed("compiled from the table, and written"):
            whole = Generations(Path(folder)).current(connection)
        size = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())
        print(f"{len(whole):,} edges of {whole.size:,} nodes: {size / 1e6:.0f} MB")
        with timed("opened by another process, checked by SHA-256"):
            Generations(Path(folder)).current(connection)
        with timed("made from the one before"):
            part(whole).compiled()
        engine.current(connection)
        cost = repeat(lambda: engine.current(connection))
        print(f"brought up to date with nothing newer: {number(cost.at(0.5))} ms")


def part(whole: CurrentGraph) -> CurrentGraph:
    """The same graph, with its last 5,000 nodes not compiled yet."""
    base, cut = whole.base, len(whole.base.keys) - 5_000
    sources = np.repeat(np.arange(len(base.keys)), np.diff(base.starts))
    early = (sources < cut) & (base.targets < cut)
    steps = np.minimum(base.kinds, STEP)
    old = CompiledGraph.sorted(
        base.keys[:cut], steps[:cut], sources[early], base.targets[early], base.roles[early], base.names
    )
    late = ~early
    return CurrentGraph(
        old,
        base.keys[cut:],
        base.kinds,
        sources[late],
        base.targets[late].astype(np.int64),
        base.roles[late],
        names=base.names,
    )


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Print the seconds of CPU and of the clock."""
    cpu, wall = time.process_time(), time.perf_counter()
    yield
    print(f"{what}: {time.process_time() - cpu:.2f} s of CPU, {time.perf_counter() - wall:.2f} s")


def print_row(name: str, cost: Cost, least: Cost | None, wrong: object) -> None:
    """One line of a table."""
    shown = f"{number(cost.at(0.5))} / {number(cost.at(0.95))} / {number(cost.at(0.99))}"
    times = "" if least is None else f"{cost.at(0.5) / least.at(0.5):.1f}"
    print(f"| {name} | {shown} | {times} | {wrong} |", flush=True)


if __name__ == "__main__":
    main()
