"""What a recall costs that reaches many versions: its impact, and the one transaction that marks them, in seconds.

The target is the version with the most descendants in a registry of `benchmarks.material.catalog`; afterwards the
recall is reversed. Before it is timed, the last version is recalled and released: a server that runs has read its
policies already.

    python -m benchmarks.recall /tmp/scale 10000
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from benchmarks.catalog import open_registry
from benchmarks.material.catalog import World
from registry.domain.governance.recalls import Level, NewRecall
from registry.domain.people.people import Actor
from registry.services.registry import LocalRegistry

T = TypeVar("T")
TRIED = 10
"""The first models have the most children: the one of these with the most descendants is taken."""


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("size", type=int)
    given = parser.parse_args()
    home = given.folder / "sqlite" / str(given.size)
    with open_registry(home, given.size) as registry:
        measure(registry.as_actor(Actor("bench", frozenset({"admin"}))), World(given.size))


def measure(registry: LocalRegistry, world: World) -> None:
    """Print a table."""
    wishes = [NewRecall(world.ref(i), Level.RECALL, "a benchmark") for i in range(TRIED)]
    sizes = [len(registry.recalls.preview(wish).hits) for wish in wishes]
    wish = wishes[sizes.index(max(sizes))]
    print(
        f"{world.size:,} models; {wish.target} reaches {max(sizes):,} versions\n\n| | seconds | of CPU |\n|---|---|---|"
    )
    first = registry.recalls.open(NewRecall(world.ref(world.size - 1), Level.RECALL, "a benchmark"))
    registry.recalls.reverse(first.recall.id, reason="a benchmark")
    timed("impact", lambda: registry.recalls.preview(wish))
    opened = timed("impact, marking and the audit entry, in one transaction", lambda: registry.recalls.open(wish))
    timed("reversal", lambda: registry.recalls.reverse(opened.recall.id, reason="a benchmark"))


def timed(what: str, run: Callable[[], T]) -> T:
    """Run it once and print how long it took."""
    wall, cpu = time.perf_counter(), time.process_time()
    done = run()
    print(f"| {what} | {time.perf_counter() - wall:.2f} | {time.process_time() - cpu:.2f} |")
    return done


if __name__ == "__main__":
    main()
