"""Which registered models an unknown checkpoint is kin to, by its weights alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lineage import Relation, WeightIndex
from registry.domain.names import VersionRef
from registry.domain.transfers.adapted import is_adapter
from registry.domain.verbs.lineage import Candidate, Identification
from registry.errors import BadArtifactError, IntegrityError, RegistryError
from registry.ports.weights import WeightReader
from registry.services.artifacts.weights import compare_folders, index_of, lay_out_weights
from registry.services.context import Context
from registry.services.lookup import found
from registry.services.workspace import workspace
from registry.sources import no_weights, resolve_weights

NOT_PARENTHOOD = (
    "This says which models are kin, not which was made from which: a sibling can be nearer than the parent, and the "
    "file may be older than what it is compared with"
)
RANK = [relation for relation in Relation if relation.supports]
READ_AT_ONCE = 500
"""Versions without an index that one call reads at most: those from before there was one."""
ALIKE = 1000
"""Versions of the same shapes that are counted at most."""


def identify(context: Context, source: str, limit: int) -> Identification:
    """See `LineageVerbs`. Raises: NotFoundError, UnsafeArtifactError, BadArtifactError."""
    path = resolve_weights(source)
    reader = context.plugins.weights()
    index, tensors = _read(reader, path)
    unread, damaged = _index_others(context)
    hidden = context.actor.sight.hidden  # left out before anything is ordered, cut or counted
    with context.read() as uow:
        shared = uow.weights.sharing(index.tensors, limit=ALIKE, hidden=hidden)
        alike = [] if index.layers is None else uow.weights.alike(index.layers, limit=ALIKE + 1, hidden=hidden)
    ordered = list(dict.fromkeys([*shared, *alike]))
    total = sum(index.tensors.values())
    candidates = [
        _compared(context, path, ref, shared.get(ref, 0) / total if total else 0.0) for ref in ordered[:limit]
    ]
    candidates.sort(key=_nearest)
    return Identification(
        path.name, tensors, tuple(candidates), len(ordered) - len(candidates), _notes(unread, damaged, alike)
    )


def _read(reader: WeightReader, path: Path) -> tuple[WeightIndex, int]:
    """The index of the file or folder and how many tensors it has."""
    weights = reader.open(path)
    if not weights.tensors:
        raise no_weights(path)
    index = index_of(reader, path)
    return index, len(weights.tensors)


def _index_others(context: Context) -> tuple[int, int]:
    """Read the weights of versions that have no index yet; gives how many are left, and how many are damaged."""
    with context.read() as uow:
        missing = uow.weights.missing(limit=READ_AT_ONCE + 1)
    damaged = 0
    for ref in missing[:READ_AT_ONCE]:
        index = _index_stored(context, ref)
        if index is None:
            damaged += not context.actor.sight.hides(ref.name.team)
            continue
        with context.write() as uow:
            if uow.weights.lacks(ref):  # unless another process was faster
                uow.weights.add(ref, index)
                uow.commit_unaudited()
    return len(missing[READ_AT_ONCE:]), damaged


def _index_stored(context: Context, ref: VersionRef) -> WeightIndex | None:
    """An empty one for weights that cannot be read: it is not tried again and again. None while bytes are damaged."""
    with context.read() as uow:
        detail = found(uow.catalog.version(ref), ref)
    try:
        with workspace(context.home, "kinship") as folder:
            laid = lay_out_weights(context, detail, folder / "version")
            return index_of(context.plugins.weights(), laid.folder)
    except BadArtifactError:
        return WeightIndex(None, {})
    except IntegrityError:
        return None


def _compared(context: Context, path: Path, ref: VersionRef, shared: float) -> Candidate:
    """One candidate put to the ladder. What cannot be compared keeps the share of equal tensors."""
    with context.read() as uow:
        detail = found(uow.catalog.version(ref), ref)
    if is_adapter(detail.files):
        return Candidate(ref, shared, None, "An adapter holds only what was added to its parent")
    try:
        with workspace(context.home, "kinship") as folder:
            laid = lay_out_weights(context, detail, folder / "version")
            return Candidate(ref, shared, compare_folders(context, path, [laid])[ref], None)
    except RegistryError as error:
        return Candidate(ref, shared, None, str(error))


def _nearest(one: Candidate) -> tuple[int, float, float, str]:
    """The strongest relation first, then the nearest; what nothing speaks for comes last."""
    said = one.comparison
    if said is None or not said.relation.supports:
        return len(RANK) if one.shared else len(RANK) + 1, 0.0, -one.shared, str(one.ref)
    return RANK.index(said.relation), said.distance or 0.0, -one.shared, str(one.ref)


def _notes(unread: int, damaged: int, alike: Sequence[VersionRef]) -> tuple[str, ...]:
    notes = [NOT_PARENTHOOD]
    if damaged:
        notes.append(f"Versions that were not considered, because their stored weights are damaged: {damaged}")
    if unread:
        notes.append("More versions from before the index of weights have to be read: run it again to go on")
    if len(alike) > ALIKE:
        notes.append(f"More than {ALIKE:,} versions have layers of these shapes: the oldest are considered")
    return tuple(notes)
