"""What the weights of a version say about the parents that it is claimed to have; see `lineage.kinship`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from lineage import Assurance, Relation, WeightComparison, WeightIndex
from registry.domain.catalog.interface import InterfaceDifference
from registry.domain.catalog.models import VersionDetail
from registry.domain.codec import to_json
from registry.domain.names import AssetKind, VersionRef
from registry.domain.recipes.methods import SOURCE
from registry.domain.transfers.steps import StepInput
from registry.errors import RegistryError
from registry.ports.weights import WeightReader
from registry.services.artifacts.storing import write_files
from registry.services.context import Context
from registry.services.storage.lineage import EdgeEvidence
from registry.services.unit_of_work import UnitOfWork
from registry.sources import WEIGHTS

Interfaces = Mapping[VersionRef, tuple[InterfaceDifference, ...]]
"""By parent, where a version is spoken to otherwise; a parent that is not there was not compared."""


@dataclass(frozen=True, slots=True)
class Laid:
    """A parent whose files lie in `folder`."""

    ref: VersionRef
    folder: Path


def source_models(inputs: Sequence[StepInput]) -> list[StepInput]:
    """The inputs whose weights went into the output. A teacher's do not."""
    return [one for one in inputs if one.ref.kind is AssetKind.MODELS and one.role == SOURCE]


def compare_folders(context: Context, child: Path, parents: Sequence[Laid]) -> dict[VersionRef, WeightComparison]:
    """What the weights in `child` say about each parent. No transaction is open meanwhile."""
    from lineage.kinship import compare, compare_merge  # noqa: PLC0415 - they need NumPy

    try:
        reader = context.plugins.weights()
        ours, theirs = reader.open(child), [reader.open(one.folder) for one in parents]
        if len(parents) > 1 and (merged := compare_merge(ours, theirs)).relation.supports:
            return {one.ref: merged for one in parents}
        return {one.ref: compare(ours, weights) for one, weights in zip(parents, theirs, strict=True)}
    except (RegistryError, ArithmeticError, ValueError, MemoryError) as error:
        failed = WeightComparison(Relation.UNDECIDABLE, f"The weights could not be compared: {error}", 0, 0, 0)
        return {one.ref: failed for one in parents}


def index_of(reader: WeightReader, source: Path) -> WeightIndex:
    """What is kept of the weights in `source`, a folder or one file. Raises: BadArtifactError."""
    from lineage.kinship import index  # noqa: PLC0415 - it needs NumPy

    return index(reader.open(source))


def index_if_readable(context: Context, folder: Path) -> WeightIndex | None:
    """The index of weights about to be published; None where they cannot be read, which publishes them all the same."""
    try:
        return index_of(context.plugins.weights(), folder)
    except (RegistryError, ArithmeticError, ValueError, MemoryError):
        return None


def assurance_by(weights: WeightComparison, before: Assurance) -> Assurance:
    """What an edge is worth after a comparison: a claim may be verified or contradicted, what we saw stays seen."""
    if weights.relation.supports:
        return Assurance.VERIFIED
    if weights.relation is Relation.UNRELATED and before in {Assurance.DECLARED, Assurance.CONTRADICTED}:
        return Assurance.CONTRADICTED
    return before


def written(said: Mapping[VersionRef, WeightComparison], interface: Interfaces) -> dict[str, object]:
    """The facts `weights` and `interface` of a provenance manifest; none without a comparison."""
    facts = {"weights": said, "interface": interface}
    return {name: {str(ref): to_json(one) for ref, one in fact.items()} for name, fact in facts.items() if fact}


def record(
    uow: UnitOfWork,
    step_id: str,
    inputs: Sequence[StepInput],
    said: Mapping[VersionRef, WeightComparison],
    interface: Interfaces,
    at: datetime,
) -> dict[str, str]:
    """Write comparisons and the assurance of the edges. Gives the facts for the audit entry: the relation by parent."""
    for one in inputs:
        if one.ref in said:
            uow.graph.add_comparison(step_id, str(one.ref), EdgeEvidence(said[one.ref], at, interface.get(one.ref)))
            if (now := assurance_by(said[one.ref], one.assurance)) is not one.assurance:
                uow.graph.set_assurance(step_id, str(one.ref), now, at=at)
    return {str(ref): comparison.relation.value for ref, comparison in said.items()}


def lay_out_weights(context: Context, detail: VersionDetail, folder: Path) -> Laid:
    """The files with the weights of a stored version in the new `folder`. Raises: IntegrityError."""
    folder.mkdir()
    files = [one for one in detail.files if one.path.endswith(WEIGHTS)]
    write_files(context, detail.summary.ref, files, folder)
    return Laid(detail.summary.ref, folder)
