"""What is otherwise in one version of a model than in another."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lineage import Relation, WeightChanges
from registry.domain.cascade.run import Compared
from registry.domain.catalog.interface import InterfaceDifference
from registry.domain.catalog.models import VersionDetail
from registry.domain.codec import to_json
from registry.domain.names import AssetKind, Reference, model_only
from registry.domain.people.people import Permission
from registry.domain.people.teams import Level
from registry.domain.recipes.methods import TEST
from registry.domain.transfers.steps import StepDetail
from registry.domain.verbs.catalog import (
    READ_UNASKED,
    ClauseDifference,
    MetricPair,
    ValueDifference,
    VersionDifference,
)
from registry.domain.verbs.lineage import Obligation
from registry.errors import PermissionDeniedError, RefusedError, RegistryError, UsageError
from registry.services.artifacts.weights import lay_out_weights
from registry.services.bases import refuse_closed_bases
from registry.services.comparison.same_rows import compare
from registry.services.context import Context
from registry.services.lineage.interfaces import between
from registry.services.lineage.obligations import MAX_ANCESTORS, owed
from registry.services.lookup import found, refuse_withheld, resolve
from registry.services.workspace import workspace
from registry.sources import WEIGHTS

_ENVIRONMENT = ("environment", "hardware", "threads")
"""The parts of a provenance manifest that say where a step ran."""


@dataclass(frozen=True, slots=True)
class _Side:
    """One of the two, with how it was made and what it owes."""

    detail: VersionDetail
    step: StepDetail
    owed: tuple[Obligation, ...]


@dataclass(frozen=True, slots=True)
class _Files:
    """What the files of both say; `unread` is why something of it is missing."""

    answers: Compared | None = None
    interface: tuple[InterfaceDifference, ...] | None = None
    weights: WeightChanges | None = None
    unread: tuple[str, ...] = ()


def difference(context: Context, one: Reference, other: Reference, *, weights: bool | None) -> VersionDifference:
    """See `CatalogVerbs.difference`."""
    first, second = _side(context, one), _side(context, other)
    here, there = first.detail.summary, second.detail.summary
    if here.ref == there.ref:
        raise UsageError(f"Both are {here.ref}", remedy="Name two versions")
    files = _Files() if weights is False else _read(context, first.detail, second.detail, whatever_size=bool(weights))
    return VersionDifference(
        one=here.ref,
        other=there.ref,
        same_files=here.digest == there.digest,
        facts=_unlike(_facts(first.detail), _facts(second.detail)),
        data=_unlike(_inputs(first.step, AssetKind.DATASETS), _inputs(second.step, AssetKind.DATASETS)),
        parents=_unlike(_inputs(first.step, AssetKind.MODELS), _inputs(second.step, AssetKind.MODELS)),
        recipe=_unlike(_recipe(first.step), _recipe(second.step)),
        environment=_unlike(_environment(first.step), _environment(second.step)),
        metrics=_metrics(first.detail, second.detail),
        answers=files.answers,
        clauses=tuple(_clauses(first, second)),
        interface=files.interface,
        weights=files.weights,
        unread=files.unread,
    )


def _side(context: Context, reference: Reference) -> _Side:
    with context.read() as uow:
        ref = resolve(uow, model_only(reference))
        detail = found(uow.catalog.version(ref), ref)
        step = found(uow.steps.get(detail.step), detail.step)
        record = found(uow.graph.ancestry(ref, limit=MAX_ANCESTORS), ref)
    return _Side(detail, step, owed(record, None))


# --- what is on record ---


def _facts(detail: VersionDetail) -> dict[str, str]:
    summary = detail.summary
    return {
        "method": summary.method,
        "architecture": detail.architecture,
        "licence": summary.licence,
        "size": f"{summary.size:,} bytes",
        "files": f"{len(detail.files):,}",
    }


def _inputs(step: StepDetail, kind: AssetKind) -> dict[str, str]:
    """By role and split, the versions that went in."""
    found_inputs: dict[str, list[str]] = {}
    for one in step.inputs:
        if one.ref.kind is kind:
            name = one.role if one.split in {None, one.role} else f"{one.role} ({one.split})"
            found_inputs.setdefault(name, []).append(one.ref.label)
    return {name: ", ".join(sorted(labels)) for name, labels in found_inputs.items()}


def _recipe(step: StepDetail) -> dict[str, str]:
    """After defaults, without the text that was submitted: every key of it is there already."""
    recipe = to_json(step.recipe)
    submitted = {key: value for key, value in (recipe.pop("submitted", None) or {}).items() if key != "text"}
    return dict(_flat(recipe | ({"submitted": submitted} if submitted else {})))


def _environment(step: StepDetail) -> dict[str, str]:
    manifest = step.manifest or {}
    return dict(_flat({key: manifest[key] for key in _ENVIRONMENT if key in manifest}))


def _metrics(first: VersionDetail, second: VersionDetail) -> tuple[MetricPair, ...]:
    sides = [
        {(one.name, one.data, one.split): one for one in detail.measured if one.role == TEST}
        for detail in (first, second)
    ]
    pairs = []
    for key in sorted({*sides[0], *sides[1]}, key=str):
        here, there = sides[0].get(key), sides[1].get(key)
        data = next(one.data_label or one.data.short for one in (there, here) if one is not None)
        values = (None if one is None else one.value for one in (here, there))
        pairs.append(MetricPair(key[0], f"{data} ({key[2]})", *values))
    return tuple(pairs)


def _clauses(first: _Side, second: _Side) -> Iterator[ClauseDifference]:
    known = [{one.clause for one in side.owed} for side in (first, second)]
    for side, others in ((first, known[1]), (second, known[0])):
        for one in side.owed:
            if one.clause not in others:
                yield ClauseDifference(one.clause, one.meaning, side.detail.summary.ref, one.path)


def _flat(value: object, above: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _flat(inner, f"{above}.{key}" if above else str(key))
    elif above:
        yield above, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _unlike(here: Mapping[str, str], there: Mapping[str, str]) -> tuple[ValueDifference, ...]:
    names = dict.fromkeys((*here, *there))
    return tuple(
        ValueDifference(name, here.get(name), there.get(name)) for name in names if here.get(name) != there.get(name)
    )


# --- what the files say ---


def _read(context: Context, first: VersionDetail, second: VersionDetail, *, whatever_size: bool) -> _Files:
    try:
        context.actor.require(Permission.USE)  # enough differences to versions of one's own choice give the weights
        with context.read() as uow:
            for one in (first, second):
                context.actor.sight.require(one.summary.ref.name, Level.USE)
                refuse_closed_bases(uow, context.actor.sight, one.summary.ref)
                refuse_withheld(context, uow, one.summary)
    except (RefusedError, PermissionDeniedError) as error:
        return _Files(unread=(f"Weights, interface and answers were not compared: {error}",))
    unread = []
    interface = between(context, second, [first], {first.summary.ref: Relation.IDENTICAL})[first.summary.ref]
    with workspace(context.home, "difference") as folder:
        answers = compare(context, first.summary.ref, second.summary.ref, folder / "answers")
        if isinstance(answers, str):
            unread.append(f"Answers were not compared: {answers}")
        weights = _weights(context, (first, second), folder, whatever_size=whatever_size)
        if isinstance(weights, str):
            unread.append(f"Weights were not compared: {weights}")
    return _Files(
        None if isinstance(answers, str) else answers,
        interface,
        None if isinstance(weights, str) else weights,
        tuple(unread),
    )


def _weights(
    context: Context, details: Sequence[VersionDetail], folder: Path, *, whatever_size: bool
) -> WeightChanges | str:
    """Tensor by tensor, or why not, as the end of a sentence."""
    size = _weigh(details)
    if size > READ_UNASKED and not whatever_size:
        return (
            f"they have {size:,} bytes together, and above {READ_UNASKED:,} they are read only when asked for "
            "(forebear model diff --weights)"
        )
    from lineage.kinship import changes  # noqa: PLC0415 - it needs NumPy

    try:
        reader = context.plugins.weights()
        laid = [lay_out_weights(context, one, folder / str(number)) for number, one in enumerate(details)]
        first, second = (reader.open(one.folder) for one in laid)
        if not first.tensors and not second.tensors:
            return "neither has weights that can be read"
        return changes(first, second)
    except (RegistryError, ArithmeticError, ValueError, MemoryError) as error:
        return str(error)


def _weigh(details: Iterable[VersionDetail]) -> int:
    return sum(file.size for one in details for file in one.files if file.path.endswith(WEIGHTS))
