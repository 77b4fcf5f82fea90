"""What questions about ancestry cost at the size of `catalog`, beside the same by hand, in CPU milliseconds.

Peers in the same run, over the same edges: a recursive query over text ids, one over the product's own 64-bit keys by
hand, networkx and rustworkx where they are installed, and the compiled walk of `scipy.sparse.csgraph` as the ceiling.
Every answer is compared with that of the compiled walk; the last column counts the differences.

With `--alone` the product is asked without its peers. With `--best 5` the product alone is asked each question five
times in a row, without whole impacts, and the least of the five counts: most of what other work adds is left out.

With `--postgres` the product alone is asked, on a database `bench_SIZE` of that server, as `catalog` has it: the cost
is that of the client, beside which the server does its own work.

    python -m benchmarks.lineage /tmp/scale 100000 [1000000] [--alone] [--best 5] [--postgres URL]
"""

from __future__ import annotations

import argparse
import gc
import importlib
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order
from sqlalchemy import Engine, text

from benchmarks.catalog import RUNS, Cost, database_beside, number, open_registry, repeat
from benchmarks.material.catalog import World
from lineage import NodeKind
from registry.services.lineage.verbs import MAX_NODES
from registry.services.registry import LocalRegistry
from registry.storage.database import default_url, open_database

IDS = Callable[[int], Iterable[int]]


@dataclass(frozen=True)
class Row:
    """One question answered by one engine."""

    question: str
    engine: str
    cost: Cost
    wrong: int
    asked: int


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("sizes", type=int, nargs="+")
    parser.add_argument("--alone", action="store_true", help="ask the product without its peers")
    parser.add_argument("--best", type=int, default=1, help="ask each question so many times, and count the least")
    parser.add_argument("--postgres", help="the URL of any database of a server, as for `catalog`")
    given = parser.parse_args()
    for size in given.sizes:
        url = database_beside(given.postgres, f"bench_{size}") if given.postgres else None
        home = given.folder / ("pg" if url else "sqlite") / str(size)
        with open_registry(home, size, url) as registry, open_database(url or default_url(home)) as database:
            alone = given.alone or url is not None
            rows = measure(registry, World(size), Graph(database.engine), alone=alone, best=given.best)
            print(f"\n{size:,} models\n\n{table(rows)}")


class Graph:
    """The edges of one registry as arrays, walked by scipy: what all answers are compared with."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        with engine.connect() as connection:
            query = "SELECT from_node, to_node FROM edge WHERE superseded_by IS NULL"
            rows = connection.exec_driver_sql(query).all()
            models = text("SELECT id, label FROM node WHERE kind = :kind")
            self.labels: dict[int, str] = dict(connection.execute(models, {"kind": NodeKind.MODEL.value}).all())
        self.edges = np.array(rows, dtype=np.int64)
        size = int(self.edges.max()) + 1
        ones = np.ones(len(self.edges), dtype=np.int8)
        self.down = csr_array((ones, (self.edges[:, 0], self.edges[:, 1])), shape=(size, size))
        self.up = csr_array((ones, (self.edges[:, 1], self.edges[:, 0])), shape=(size, size))

    def walk(self, graph: csr_array, start: int) -> np.ndarray:
        """Every node that is reached from `start`, itself first."""
        reached: np.ndarray = breadth_first_order(graph, start, return_predecessors=False)
        return reached


def measure(registry: LocalRegistry, world: World, graph: Graph, *, alone: bool = False, best: int = 1) -> list[Row]:
    """Every question to every engine, or to the product `alone`; with `best` above 1 those that are quick."""
    alone = alone or best > 1
    draw = np.random.default_rng(11)
    some = [world.model_node(int(i)) for i in draw.integers(0, world.size, 400)]
    sizes = {key: len(graph.walk(graph.down, key)) for key in [*some, *(world.model_node(i) for i in range(60))]}
    big = sorted(sizes, key=sizes.__getitem__)[-5:]
    label = graph.labels
    gc.collect()
    gc.freeze()  # a collection of garbage would look through the names of a million models here
    rows: list[Row] = []
    for question, starts, engines in (
        ("ancestors", some, _ancestors(registry, graph, label, alone=alone)),
        ("full impact of the biggest", big, _impact(registry, graph, label, alone=alone)),
    ):
        if best > 1 and question != "ancestors":
            continue
        walked = graph.up if question == "ancestors" else graph.down
        right = {key: set(map(int, graph.walk(walked, key))) for key in set(starts)}
        for name, ask in engines.items():
            wrong = sum(set(map(int, ask(key))) != right[key] for key in list(dict.fromkeys(starts))[:40])
            rows.append(Row(question, name, _cost(ask, starts, best), wrong, min(40, len(right))))
    rows += _others(registry, label, some, big, best)
    return rows


def _ancestors(registry: LocalRegistry, graph: Graph, label: dict[int, str], *, alone: bool) -> dict[str, IDS]:
    def product(key: int) -> Iterable[int]:
        return [node.id for node in registry.lineage.show(label[key], limit=MAX_NODES).nodes]

    others = {} if alone else by_hand(graph, up=True) | peers(graph, up=True)
    return {"forebear lineage show": product, **others}


def _impact(registry: LocalRegistry, graph: Graph, label: dict[int, str], *, alone: bool) -> dict[str, IDS]:
    def product(key: int) -> Iterable[int]:
        return [node.id for node in registry.lineage.show(label[key], up=0, down=-1, limit=MAX_NODES).nodes]

    others = {} if alone else by_hand(graph, up=False) | peers(graph, up=False)
    return {"forebear lineage show": product, **others}


def by_hand(graph: Graph, *, up: bool) -> dict[str, IDS]:
    """Recursive queries over the product's keys and over text ids."""
    here, there = ("to_node", "from_node") if up else ("from_node", "to_node")
    own = (
        f"WITH RECURSIVE walk(id) AS (VALUES (?) UNION SELECT {there} FROM edge JOIN walk ON {here} = walk.id "
        "WHERE superseded_by IS NULL) SELECT id FROM walk"
    )
    file = sqlite3.connect(str(graph.engine.url.database))
    texts = sqlite3.connect(":memory:")
    texts.execute("CREATE TABLE edge (from_node TEXT, to_node TEXT)")
    texts.executemany("INSERT INTO edge VALUES (?, ?)", ((f"{a:032x}", f"{b:032x}") for a, b in graph.edges.tolist()))
    texts.execute(f"CREATE INDEX walked ON edge ({here}, {there})")
    by_text = own.replace("WHERE superseded_by IS NULL", "")
    return {
        "query by hand": lambda key: [row[0] for row in file.execute(own, (key,))],
        "query over text ids": lambda key: [int(row[0], 16) for row in texts.execute(by_text, (f"{key:032x}",))],
    }


def peers(graph: Graph, *, up: bool) -> dict[str, IDS]:
    """Graph libraries that are installed, with the graph in memory."""
    found: dict[str, IDS] = {}
    if (networkx := _installed("networkx")) is not None and len(graph.edges) < 1_000_000:
        made = networkx.DiGraph(graph.edges.tolist())
        reach = networkx.ancestors if up else networkx.descendants
        found["networkx"] = lambda key: [key, *reach(made, key)]
    if (rustworkx := _installed("rustworkx")) is not None:
        rust = rustworkx.PyDiGraph()
        rust.add_nodes_from(range(int(graph.edges.max()) + 1))
        rust.add_edges_from_no_data([tuple(edge) for edge in graph.edges.tolist()])
        go = rustworkx.ancestors if up else rustworkx.descendants
        found["rustworkx"] = lambda key: [key, *go(rust, key)]
    walked = graph.up if up else graph.down
    found["scipy.sparse.csgraph"] = lambda key: graph.walk(walked, key)
    return found


def _installed(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def _others(
    registry: LocalRegistry, label: dict[int, str], some: Sequence[int], big: Sequence[int], best: int
) -> list[Row]:
    """Questions that only the product is asked."""
    lineage = registry.lineage

    def path(key: int) -> object:
        first = min(node.id for node in lineage.show(label[key], limit=MAX_NODES).nodes if node.id in label)
        return first, key

    pairs = [path(key) for key in some[:60]]
    both = list(zip(some[:60], some[60:120], strict=True))
    return [
        Row(
            "nearest common ancestors",
            "forebear lineage common",
            _cost(lambda p: lineage.common(label[p[0]], label[p[1]]), both, best),
            0,
            0,
        ),
        Row(
            "path from the oldest ancestor",
            "forebear lineage path",
            _cost(lambda p: lineage.path(label[p[0]], label[p[1]]), pairs, best),
            0,
            0,
        ),
        Row(
            "first 100 of a big impact",
            "forebear lineage show",
            _cost(lambda key: lineage.show(label[key], up=0, down=-1, limit=100), big, best),
            0,
            0,
        ),
    ]


def _cost(ask: Callable[[Any], object], starts: Sequence[Any], best: int = 1) -> Cost:
    turns = iter(list(starts) * 1000)
    if best == 1:
        return repeat(lambda: ask(next(turns)))
    costs = [repeat(partial(ask, one), runs=best) for one in starts[:RUNS]]
    return Cost(sorted(cost.cpu[0] for cost in costs), sorted(cost.wall[0] for cost in costs))


def table(rows: Iterable[Row]) -> str:
    """Milliseconds of CPU as p50 / p95 / p99, and how many of the compared answers were not right."""
    lines = ["| question | engine | p50 / p95 / p99 | wrong answers |", "|---|---|---|---|"]
    for row in rows:
        cost = f"{number(row.cost.at(0.5))} / {number(row.cost.at(0.95))} / {number(row.cost.at(0.99))}"
        wrong = f"{row.wrong} of {row.asked}" if row.asked else ""
        lines.append(f"| {row.question} | {row.engine} | {cost} | {wrong} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
