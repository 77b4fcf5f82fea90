"""Matches tensors with an architecture by name: what wrappers put before the names goes, and other heads stay out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from adapters.torch.architectures import Layout
from adapters.torch.networks.candidates import Candidate, Shape, Shapes
from adapters.weights.misfits import misfit
from registry.errors import MisfitError

COUNTER = ".num_batches_tracked"
"""The end of the name of a normalisation's counter of batches, which outputs do not depend on."""
_HEADS = re.compile(
    r"(aux_?)?(classifiers?|fc\d*|heads?|logits?|last_linear|out(put)?s?|pre_logits|projection|projector|criterion|"
    r"loss(_fn)?)(_?\d+)?",
    re.IGNORECASE,
)
"""First names of modules behind a trunk: heads, and losses with weights."""
_WRAPPERS = ("module", "_orig_mod", "model", "backbone", "encoder", "basenet", "net", "network")


@dataclass(frozen=True, slots=True)
class Match:
    """Foreign name -> ours for all tensors that are used, and notes on the rest. `added` are counters to write as 0."""

    candidate: Candidate
    names: Mapping[str, str]
    outputs: int | None
    added: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    by_order: bool = field(default=False)


@dataclass(frozen=True, slots=True)
class _Reading:
    """The names of a file under one lead and one layout."""

    lead: str
    names: Mapping[str, str]
    missing: tuple[str, ...]
    misshapen: tuple[str, ...]

    @property
    def trunk(self) -> frozenset[str]:
        """The foreign names that are used for the trunk."""
        return frozenset(name for name, ours in self.names.items() if not ours.startswith("classifier."))

    @property
    def faults(self) -> int:
        return len(self.missing) + len(self.misshapen)


def match(candidate: Candidate, given: Shapes, *, partly: bool = False) -> Match:
    """Find the names of `candidate` in `given`; with `partly` a file of its first layers will do.

    Raises: MisfitError naming what is missing, left over or of another shape, or two sets of tensors that fit.
    """
    readings = list(_readings(candidate, given))
    whole = sorted((r for r in readings if not r.faults), key=lambda reading: -len(reading.names))
    leads: dict[frozenset[str], str] = {}
    for reading in sorted(whole, key=lambda reading: len(reading.lead)):
        leads.setdefault(reading.trunk, reading.lead)
    if len(leads) > 1:
        raise MisfitError(
            f"Two sets of tensors fit {candidate.name}: those whose names begin with "
            f"{' and '.join(map(repr, sorted(leads.values())))}",
            remedy="Save the one that you want alone",
        )
    if whole:
        return _finished(candidate, given, whole[0])
    if partly and (cut := _cut(candidate, given, readings)) is not None:
        return cut
    best = min(readings, key=lambda reading: (reading.faults, -len(reading.names)))
    strange = sorted(_strange(candidate, given, best))
    raise misfit(candidate.name, sorted(best.missing), strange, sorted(best.misshapen))


def are_known(candidate: Candidate, given: Shapes) -> bool:
    """True when the file has most of the trunk's names, whatever their shapes."""
    trunk = [name for name in candidate.trunk() if not name.endswith(COUNTER)]
    return any(len(trunk) - len(reading.missing) > len(trunk) / 2 for reading in _readings(candidate, given))


def _readings(candidate: Candidate, given: Shapes) -> Iterator[_Reading]:
    """Every way of reading the names that finds the first tensor of the trunk, and the plain one."""
    trunk = candidate.trunk()
    first = next(iter(trunk))
    for layout in candidate.layouts:
        for lead in dict.fromkeys(["", *_leads(given, layout, first)]):
            yield _read(trunk, given, layout, lead)


def _leads(given: Iterable[str], layout: Layout, first: str) -> Iterator[str]:
    """What stands before the name of the trunk's first tensor."""
    for name in given:
        parts = name.split(".")
        for count in range(1, len(parts)):
            if layout(".".join(parts[count:])) == first:
                yield ".".join(parts[:count]) + "."


def _read(trunk: Shapes, given: Shapes, layout: Layout, lead: str) -> _Reading:
    names: dict[str, str] = {}
    for foreign in given:
        ours = layout(foreign.removeprefix(lead)) if foreign.startswith(lead) else None
        if ours is not None and ours not in names.values() and (ours in trunk or ours.startswith("classifier.")):
            names[foreign] = ours
    found = {ours: given[foreign] for foreign, ours in names.items()}
    missing = tuple(name for name in trunk if name not in found and not name.endswith(COUNTER))
    misshapen = tuple(
        f"{name}: {list(found[name])} instead of {list(shape)}"
        for name, shape in trunk.items()
        if name in found and found[name] != shape
    )
    return _Reading(lead, names, missing, misshapen)


def _cut(candidate: Candidate, given: Shapes, readings: list[_Reading]) -> Match | None:
    """The reading that is the whole of a shorter network; None when there is none."""
    for reading in sorted(readings, key=lambda reading: reading.faults):
        ours = {name: given[foreign] for foreign, name in reading.names.items()}
        for shorter in candidate.trunks(ours):
            again = [r for r in _readings(shorter, given) if r.lead == reading.lead and not r.faults]
            if again:
                found = _finished(shorter, given, again[0])
                last = list(shorter.trunk())[-1].rpartition(".")[0]
                note = f"the file has {candidate.name} as far as {last}: the features are read there"
                return Match(shorter, found.names, found.outputs, found.added, (*found.notes, note))
    return None


def _finished(candidate: Candidate, given: Shapes, reading: _Reading) -> Match:
    """Raises: MisfitError when tensors are left over that may belong to the trunk."""
    trunk, notes = candidate.trunk(), []
    strange = sorted(_strange(candidate, given, reading))
    if strange:
        raise misfit(candidate.name, [], strange, [])
    if reading.lead:
        notes.append(f"removed {reading.lead!r} from the names of tensors")
    used = {foreign: ours for foreign, ours in reading.names.items() if ours in trunk}
    head = {ours: foreign for foreign, ours in reading.names.items() if ours not in trunk}
    outputs = head_outputs(candidate, {ours: given[foreign] for ours, foreign in head.items()})
    if outputs is not None:
        used |= {foreign: ours for ours, foreign in head.items()}
    left = [name for name in given if name not in used]
    if left:
        notes.append(left_out(left, candidate.width()))
    added = tuple(name for name in trunk if name not in used.values())
    if added:
        notes.append(f"added {len(added)} counters of batches, which older files do not have, as 0")
    final = {foreign: candidate.named(ours, headed=outputs is not None) for foreign, ours in used.items()}
    return Match(
        candidate,
        final,
        outputs,
        tuple(candidate.named(name, headed=outputs is not None) for name in added),
        tuple(notes),
    )


def left_out(names: list[str], width: int) -> str:
    """A note on tensors that do not come along."""
    some = ", ".join(sorted(names)[:4]) + (", …" if len(names) > 4 else "")
    count = "1 tensor that is" if len(names) == 1 else f"{len(names)} tensors that are"
    return f"left out {count} no part of the trunk and no head on its {width} features: {some}"


def head_outputs(candidate: Candidate, head: Shapes) -> int | None:
    """The number of scores of a head that consists of `head`; None when it is not one that the architecture has."""
    weight, behind = candidate.head
    bias = f"{weight.removesuffix('weight')}bias"
    shape: Shape | None = head.get(weight)
    if shape is None or head.keys() != {weight, bias} or shape[1:] != (candidate.width(), *behind):
        return None
    return shape[0] if head[bias] == shape[:1] else None


def _strange(candidate: Candidate, given: Shapes, reading: _Reading) -> list[str]:
    """Tensors that are neither used nor known to stand behind a trunk."""
    behind = [re.compile(pattern) for pattern in candidate.leave_out]
    first = {name.partition(".")[0] for name in candidate.trunk()}

    def harmless(foreign: str) -> bool:
        if foreign in reading.names:
            return True
        short = foreign.removeprefix(reading.lead) if foreign.startswith(reading.lead) else foreign
        parts = short.split(".")
        while len(parts) > 1 and parts[0] in _WRAPPERS:
            parts = parts[1:]
        if any(pattern.match(".".join(parts)) for pattern in behind):
            return True
        return parts[0] not in first and _HEADS.fullmatch(parts[0]) is not None

    return [name for name in given if not harmless(name)]
