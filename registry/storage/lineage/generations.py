"""The compiled graph of a registry as files in its folder: one generation after another, mapped by every process.

A generation is a folder of arrays that is named by the last edge it holds. It appears whole or not at all, is never
changed, and is removed when a newer one is there; who has it mapped keeps it until they are done. The edge table stays
the truth: whatever came after a generation, or was closed since, is read from the table with each question, and a
generation of which the table knows nothing is not used.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection, bindparam, func, literal_column, or_, select

from lineage import MisfitGraphError, NodeKind
from lineage.compiled import DATASET, MODEL, STEP, CompiledGraph, CurrentGraph, EdgeRows
from registry.files import sync_folder, whole_folder
from registry.services.storage.impact import CompiledState
from registry.storage.lineage.fans import in_force
from registry.storage.sql.among import among
from registry.storage.sql.types import Key
from registry.storage.tables import edge, node

_log = logging.getLogger(__name__)
FORM = 1
"""Of the files; another form is not read."""
ABOUT = "about.json"
ARRAYS = ("keys", "kinds", "starts", "targets", "roles")
SAVED_FROM = 20_000
"""A smaller graph is compiled in memory in less time than a process takes to start."""
MOST_NEWER, SHARE = 5_000, 100
"""A graph is compiled anew when more than this, and more than one in so many of its edges, is newer."""
MOST_BELOW = 20_000
"""Nodes below one that are walked in the table as of an earlier time; for more the whole graph of then is compiled."""
_AT_ONCE = 50_000
_KINDS = {NodeKind.MODEL.value: MODEL, NodeKind.DATASET.value: DATASET, NodeKind.STEP.value: STEP}


class _Mark(NamedTuple):
    """Up to where a generation goes: the last edge and node, and that edge as it is in the table."""

    edge: int
    node: int
    witness: str


@dataclass(frozen=True, slots=True)
class _Generation:
    mark: _Mark
    graph: CompiledGraph
    made_at: datetime


class Generations:
    """The generations of one registry. `folder` is made when there is something to keep; None: kept in memory only."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._lock = Lock()
        self._known: list[_Generation] = []
        self._past: tuple[tuple[datetime, int, str], CompiledGraph] | None = None
        """Of an earlier time, with that time, the last edge of the table and that edge in words."""

    def current(self, connection: Connection) -> CurrentGraph:
        """The graph as this transaction sees it. The newest generation is replaced where too much is newer."""
        for one in self._usable(connection):
            try:
                found = _with_newer(connection, one)
            except MisfitGraphError:
                _log.warning("The compiled graph up to edge %d does not fit the table and is made anew", one.mark.edge)
                self._forget(one)
                continue
            if found.newer > max(MOST_NEWER, len(one.graph) // SHARE):
                return self._add(connection, found.compiled())
            return found
        return self._add(connection, _whole(connection))

    def state(self, connection: Connection) -> CompiledState | None:
        """What the newest generation holds, compared with the table; None where there is none."""
        for one in self._usable(connection):
            try:
                newer = _with_newer(connection, one).newer
            except MisfitGraphError:
                return CompiledState(one.mark.edge, len(one.graph), 0, one.made_at, right=False)
            right = _sums_of(one.graph) == tuple(connection.execute(_SUMS, {"edge": one.mark.edge}).one())
            return CompiledState(one.mark.edge, len(one.graph), newer, one.made_at, right)
        return None

    def below(self, connection: Connection, key: int, as_of: datetime) -> CurrentGraph:
        """What came from a node by the edges that were in force then, alone or in the whole graph of then.

        That one is made where much came from the node, and kept for the next question about the same time.
        """
        some = _below(connection, key, as_of)
        if some is not None:
            return CurrentGraph.alone(some)
        if connection.execute(_NEWEST).scalar_one() <= as_of:
            return self.current(connection)
        last, _ = (int(one or 0) for one in connection.execute(_LAST).one())
        wanted = as_of, last, _witness(connection, last)
        with self._lock:
            kept = self._past
        if kept is None or kept[0] != wanted:
            kept = wanted, _whole(connection, as_of)
            with self._lock:
                self._past = kept
        return CurrentGraph.alone(kept[1])

    def remove(self) -> None:
        """Forget every generation: the next question makes one from the table."""
        with self._lock:
            self._known, self._past = [], None
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)

    def _usable(self, connection: Connection) -> Iterator[_Generation]:
        """Generations that are earlier states of this table, the newest first."""
        with self._lock:
            known = {one.mark.edge: one for one in self._known}
        for number in sorted({*known, *self._kept()}, reverse=True):
            witness = _witness(connection, number)
            one = known.get(number)
            if one is None or one.mark.witness != witness:
                one = self._read(number, witness)
            if one is not None:
                self._keep(one)
                yield one

    def _keep(self, one: _Generation) -> None:
        """Two are kept: whoever began to read before the newest was made still needs the one before it."""
        with self._lock:
            known = {other.mark.edge: other for other in (one, *self._known)}
            self._known = sorted(known.values(), key=lambda other: other.mark.edge)[-2:]

    def _forget(self, one: _Generation) -> None:
        with self._lock:
            self._known = [other for other in self._known if other.mark.edge != one.mark.edge]
        self._discard(one.mark.edge)

    def _discard(self, number: int) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder / str(number), ignore_errors=True)

    # --- making one ------------------------------------------------------------------------------------------------

    def _add(self, connection: Connection, graph: CompiledGraph) -> CurrentGraph:
        last_edge, last_node = (int(one or 0) for one in connection.execute(_LAST).one())
        mark = _Mark(last_edge, last_node, _witness(connection, last_edge))
        made = _Generation(mark, graph, datetime.now(UTC))
        self._keep(made)
        if self._folder is not None and len(graph) >= SAVED_FROM:
            try:
                self._write(self._folder, made)
            except OSError as error:  # a full or read-only disk: the answer is right without the file
                _log.warning("The compiled graph could not be kept in %s: %s", self._folder, error)
        return CurrentGraph.alone(graph)

    def _write(self, folder: Path, made: _Generation) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        target = folder / str(made.mark.edge)
        if target.exists():
            about = self._about(made.mark.edge)
            if about is not None and _Mark(*about["mark"]) == made.mark:
                return  # another process was faster
            shutil.rmtree(target)
        with whole_folder(target) as staging:
            digests = {}
            for name in ARRAYS:
                with (staging / f"{name}.npy").open("wb") as out:
                    np.save(out, getattr(made.graph, name), allow_pickle=False)
                    out.flush()
                    os.fsync(out.fileno())
                digests[name] = _digest(staging / f"{name}.npy")
            about = {
                "form": FORM,
                "mark": made.mark,
                "made_at": made.made_at.isoformat(),
                "names": made.graph.names,
                "digests": digests,
            }
            with (staging / ABOUT).open("w") as out:
                json.dump(about, out)
                out.flush()
                os.fsync(out.fileno())
        for number in self._kept():
            if number < made.mark.edge:
                shutil.rmtree(folder / str(number), ignore_errors=True)
        sync_folder(folder)

    # --- reading one -----------------------------------------------------------------------------------------------

    def _kept(self) -> list[int]:
        try:
            names = [] if self._folder is None else [one.name for one in self._folder.iterdir()]
        except FileNotFoundError:
            return []
        except OSError as error:
            _log.warning("The folder of the compiled graph cannot be read: %s", error)
            return []
        return [int(name) for name in names if name.isdecimal()]

    def _about(self, number: int) -> dict[str, Any] | None:
        """What a generation says of itself; None for one that was removed, is damaged, or of another form."""
        if self._folder is None:
            return None
        try:
            found: dict[str, Any] = json.loads((self._folder / str(number) / ABOUT).read_text())
        except FileNotFoundError:
            return None
        except OSError as error:
            _log.warning("The compiled graph up to edge %d cannot be read: %s", number, error)
            return None
        except ValueError as error:
            _log.warning("The compiled graph up to edge %d cannot be read and is removed: %s", number, error)
            self._discard(number)
            return None
        return found if found.get("form") == FORM else None

    def _read(self, number: int, witness: str) -> _Generation | None:
        """A generation of this table with its arrays mapped; None for any other, and for one with other bytes."""
        about = self._about(number)
        if self._folder is None or about is None or _Mark(*about["mark"]).witness != witness:
            return None
        folder = self._folder / str(number)
        arrays = {}
        try:
            for name in ARRAYS:
                if _digest(folder / f"{name}.npy") != about["digests"][name]:
                    _log.warning("The compiled graph in %s is damaged and is removed", folder)
                    self._discard(number)
                    return None
                arrays[name] = np.asarray(np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False))
        except OSError as error:  # mostly it was removed while we looked
            _log.info("The compiled graph in %s is not read: %s", folder, error)
            return None
        graph = CompiledGraph(**arrays, names=tuple(about["names"]))
        return _Generation(_Mark(*about["mark"]), graph, datetime.fromisoformat(about["made_at"]))


def _whole(connection: Connection, as_of: datetime | None = None) -> CompiledGraph:
    keys, kinds = _nodes_after(connection, -1)
    options = {"stream_results": True, "yield_per": _AT_ONCE}
    query, given = (_EDGES, {}) if as_of is None else (_EDGES_THEN, {"as_of": as_of})
    with connection.execute(query, given, execution_options=options) as rows:
        return CompiledGraph.of(keys, kinds, (EdgeRows.of(part) for part in rows.partitions(_AT_ONCE)))


def _below(connection: Connection, key: int, as_of: datetime) -> CompiledGraph | None:
    """What came from a node by the edges that were in force then; None for more nodes than are worth a walk."""
    found = connection.scalars(_BELOW_KEYS, {"start": key, "as_of": as_of, "limit": MOST_BELOW + 1}).all()
    if len(found) > MOST_BELOW:
        return None
    nodes = connection.execute(_NODES_AMONG, {"keys": found}).all()
    keys = np.fromiter((one for one, _ in nodes), np.int64, len(nodes))
    kinds = np.fromiter((_KINDS[kind] for _, kind in nodes), np.uint8, len(nodes))
    edges = connection.execute(_EDGES_AMONG, {"keys": found, "as_of": as_of})
    return CompiledGraph.of(keys, kinds, [EdgeRows.of(edges)])


def _with_newer(connection: Connection, one: _Generation) -> CurrentGraph:
    given = {"edge": one.mark.edge}
    added = EdgeRows.of(connection.execute(_ADDED, given))
    closed = EdgeRows.of(connection.execute(_CLOSED, given))
    return CurrentGraph.of(one.graph, *_nodes_after(connection, one.mark.node), added, closed)


def _nodes_after(connection: Connection, last: int) -> tuple[Any, Any]:
    keys, kinds = [np.empty(0, np.int64)], [np.empty(0, np.uint8)]
    options = {"stream_results": True, "yield_per": _AT_ONCE}
    with connection.execute(_NODES, {"node": last}, execution_options=options) as rows:
        for part in rows.partitions(_AT_ONCE):
            keys.append(np.fromiter((key for key, _ in part), np.int64, len(part)))
            kinds.append(np.fromiter((_KINDS[kind] for _, kind in part), np.uint8, len(part)))
    return np.concatenate(keys), np.concatenate(kinds)


def _witness(connection: Connection, number: int) -> str:
    """An edge in words: no other registry has the same one under this key, and none that was restored from earlier."""
    if not number:
        return "empty"
    row = connection.execute(_WITNESS, {"edge": number}).one_or_none()
    return "" if row is None else f"{row.from_node} {row.to_node} {row.role} {row.created_at.isoformat()}"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sums_of(graph: CompiledGraph) -> tuple[int, int, int]:
    sources = int((graph.keys * np.diff(graph.starts)).sum())  # of 64 bits, as the keys are
    return len(graph), sources, int(graph.keys[graph.targets].sum())


_THROUGH = bindparam("edge", type_=Key)
_COLUMNS = (edge.c.from_node, edge.c.to_node, edge.c.role)
_EDGES = select(*_COLUMNS).where(edge.c.superseded_by.is_(None))
_WALK = select(bindparam("start", type_=Key).label("id")).cte("below", recursive=True)
_WALK = _WALK.union(select(edge.c.to_node).join(_WALK, edge.c.from_node == _WALK.c.id).where(in_force(True)))
_BELOW_KEYS = select(_WALK.c.id).limit(bindparam("limit"))
_NODES_AMONG = select(node.c.id, node.c.kind).where(among(node.c.id)).order_by(node.c.id)
_EDGES_AMONG = select(*_COLUMNS).where(among(edge.c.from_node), in_force(True))
_EDGES_THEN = select(*_COLUMNS).where(in_force(True))
_NEWEST = select(func.max(edge.c.created_at))
_ADDED = select(*_COLUMNS).where(edge.c.id > _THROUGH, edge.c.superseded_by.is_(None)).order_by(edge.c.id)
# Whatever closes an edge is a newer row, so what was closed since is found by the rows that closed it. By a sum, for
# which SQLite makes no use of the key: it would read every edge, else.
_CLOSED = select(*_COLUMNS).where(edge.c.superseded_by > _THROUGH, edge.c.id + literal_column("0") <= _THROUGH)
_NODES = select(node.c.id, node.c.kind).where(node.c.id > bindparam("node", type_=Key)).order_by(node.c.id)
_LAST = select(
    select(func.max(edge.c.id)).scalar_subquery(),
    select(func.max(node.c.id)).scalar_subquery(),
)
_WITNESS = select(*_COLUMNS, edge.c.created_at).where(edge.c.id == _THROUGH)
_SUMS = select(
    func.count(),
    func.coalesce(func.sum(edge.c.from_node), 0),
    func.coalesce(func.sum(edge.c.to_node), 0),
).where(edge.c.id <= _THROUGH, or_(edge.c.superseded_by.is_(None), edge.c.superseded_by > _THROUGH))
