"""Verbs that walk the graph, and that ask the weights whether it is true."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from lineage import Assurance, Edge, Node, NodeId, NodeKind, WeightComparison
from lineage.outline import Direction
from registry.domain.catalog.compute import ComputeReport, NewCompute
from registry.domain.catalog.interface import InterfaceDifference
from registry.domain.catalog.licences import LicenceClass
from registry.domain.catalog.marks import Marks
from registry.domain.catalog.models import Status
from registry.domain.catalog.notices import Notice
from registry.domain.data.leakage import Leakage, LeakageCount
from registry.domain.governance.advisories import AdvisoryMatch, KinHit
from registry.domain.names import Reference, VersionRef
from registry.domain.paging import Page, PageRequest
from registry.domain.recipes.recipe import Method
from registry.domain.verbs.impact import Affected, ImpactSummary


@dataclass(frozen=True, slots=True)
class Ancestry:
    """A part of the graph around `focus`. `complete` is False when the limit cut it short."""

    focus: NodeId
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    complete: bool


UNFINISHED = "unfinished"
"""The group of steps that have not made anything: they wait, run, or ended without."""
MAX_GENERATIONS = 30
"""Of a neighbourhood, on one side."""
MOST_COUNTED = 100_000
"""Neighbours of one node."""
GROUPS = frozenset({*Method, UNFINISHED, *NodeKind})


@dataclass(frozen=True, slots=True)
class Rest:
    """Neighbours of `node` that are not drawn: `count` of them in one group.

    The group of steps is their method, or `unfinished`; that of what goes into a step or comes out of it is its kind.
    They are ordered by age; those up to the node `after` are drawn (none where it is None).
    """

    node: NodeId
    towards: Direction
    group: str
    count: int
    after: NodeId | None


@dataclass(frozen=True, slots=True)
class Only:
    """A filter of models and datasets: those of which all that is given is true.

    `method` made them; one of the inputs that they were made from has the `assurance`.
    """

    stage: str | None = None
    status: Status | None = None
    method: Method | None = None
    assurance: Assurance | None = None
    licence: LicenceClass | None = None

    def __bool__(self) -> bool:
        return self != Only()


@dataclass(frozen=True, slots=True)
class Matches:
    """What of a family a filter lets through: the nearest `drawn` of `count`, each with a shortest way to the focus.

    `complete` is False when only the nearest of a larger family were searched.
    """

    drawn: tuple[NodeId, ...]
    count: int
    complete: bool


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """What is near `focus`, at most as many nodes as were asked for. `rest` says what is beside and beyond it.

    `counted` is False where one node has so many neighbours that `rest` counts at least as many, not exactly. With a
    filter there is no `rest`, and `matches` says what was found.
    """

    focus: NodeId
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    rest: tuple[Rest, ...] = ()
    counted: bool = True
    matches: Matches | None = None


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a neighbourhood goes: generations up and down, and how many of one group beside one another.

    With `group`, one direction and one generation: only neighbours of that group, those after the node `after`. `most`
    is how many neighbours of the node itself are counted, and a tenth of it (100 at least) how many of each other one.
    """

    up: int = 2
    down: int = 2
    each: int = 8
    limit: int = 120
    group: str | None = None
    after: NodeId | None = None
    most: int = MOST_COUNTED


@dataclass(frozen=True, slots=True)
class CommonAncestors:
    """What two things both came from, the nearest, and one shortest way from each of those to both.

    The nearest are those that no other common ancestor came from; one of the two, where the other came from it.
    """

    nearest: tuple[Node, ...]
    ways: Ancestry


class Kin(StrEnum):
    """How models and datasets are related to one."""

    ROOTS = "roots"
    """Models of its ancestry that were made from no model."""
    SIBLINGS = "siblings"
    """Others of its kind that were made from one that it was made from itself."""


@dataclass(frozen=True, slots=True)
class Relatives:
    """The oldest first. `complete` is False when there are more."""

    nodes: tuple[Node, ...]
    complete: bool


@dataclass(frozen=True, slots=True)
class ParentCheck:
    """What the weights of a version say about a parent. `role` and `assurance` are None for one that nobody claims.

    `interface` is where preprocessing, tokenizer, labels or input size are other than the parent's; None where that
    was not compared, as in what older programs recorded.
    """

    child: VersionRef
    parent: VersionRef
    role: str | None
    assurance: Assurance | None
    comparison: WeightComparison
    checked_at: datetime
    interface: tuple[InterfaceDifference, ...] | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A registered version that an unknown file may be kin to.

    `shared` is the share of the bytes of the file's largest tensors that stand in the version too. Without
    `comparison`, `problem` says why the two could not be compared.
    """

    ref: VersionRef
    shared: float
    comparison: WeightComparison | None
    problem: str | None


@dataclass(frozen=True, slots=True)
class Identification:
    """What an unknown file is kin to: candidates from the strongest relation to none. `left_out` were not compared."""

    file: str
    tensors: int
    candidates: tuple[Candidate, ...]
    left_out: int
    notes: tuple[str, ...]

    def added_to(self, match: AdvisoryMatch) -> AdvisoryMatch:
        """`match` of an advisory about this file, with the versions that hold some of its tensors or are kin to it."""
        kin = [
            KinHit(
                one.ref,
                said.relation if said else "not compared",
                said.reason if said else one.problem or "",
                one.shared,
            )
            for one in self.candidates
            for said in [one.comparison]
            if one.shared or (said is not None and said.relation.supports)
        ]
        left = (f"{self.left_out} more versions were not compared",) if self.left_out else ()
        return replace(match, kin=kin, notes=(*match.notes, *self.notes, *left))


class Use(StrEnum):
    """What somebody means to do with a version."""

    COMMERCIAL = "commercial"
    DERIVATIVES = "derivatives"
    """To make something from it and pass that on."""


@dataclass(frozen=True, slots=True)
class Obligation:
    """One clause that is in force for a version. `path` leads from where it begins to the version, both included."""

    clause: str
    meaning: str
    path: tuple[str, ...]
    licence: str
    """The licence that asks it, of the first of the path."""
    declared: bool
    """Whether the version's own licence says so too."""
    conflict: bool
    """Whether it forbids the use that was asked about."""


@dataclass(frozen=True, slots=True)
class Obligations:
    """All that a version owes to what it was made from. `complete` is False where the ancestry was too large."""

    ref: VersionRef
    licence: str
    owed: tuple[Obligation, ...]
    table: int
    """The version of the table of clauses."""
    complete: bool

    @property
    def relicensed(self) -> tuple[Obligation, ...]:
        """What the version's own licence leaves out, but for what a lawyer should look at."""
        return tuple(one for one in self.owed if not one.declared and not one.clause.startswith("review:"))


class Exchange(StrEnum):
    """A format of other programs for the ancestry of a version."""

    OPENLINEAGE = "openlineage"
    """Run events, a list."""
    PROV = "prov"
    """W3C PROV as PROV-JSON."""
    CYCLONEDX = "cyclonedx"
    """A bill of materials with model card and pedigree (1.6)."""
    SPDX = "spdx"
    """SPDX 3.0.1 with its profiles AI and Dataset, as JSON-LD."""
    HUB = "hub"
    """The front matter of a Hugging Face model card."""


class LineageVerbs(Protocol):
    """Walks of the graph."""

    def show(
        self, target: str, *, up: int = -1, down: int = 0, limit: int = 2000, as_of: datetime | None = None
    ) -> Ancestry:
        """`target` is the reference of a model or dataset, or a step id. Depth in generations, -1 for all.

        With `as_of`, the nodes and edges that were recorded by then; facts beside the nodes are those of today.
        """
        ...

    def near(
        self, target: str, reach: Reach = Reach(), *, only: Only = Only(), as_of: datetime | None = None
    ) -> Neighbourhood:
        """The part of the graph that a picture shows: bounded, with counts of what is left out.

        With `only`, what matches within the generations of `reach`, and the ways to it.
        """
        ...

    def path(self, source: str, target: str, *, as_of: datetime | None = None) -> Ancestry | None:
        """One shortest way from an ancestor to a descendant, or None."""
        ...

    def common(self, one: str, other: str, *, as_of: datetime | None = None) -> CommonAncestors:
        """The nearest common ancestors of two; none where they have nothing in common."""
        ...

    def relatives(self, target: str, relation: Kin, *, limit: int = 100, as_of: datetime | None = None) -> Relatives:
        """The roots of a model or dataset, or its siblings, up to `limit` of them."""
        ...

    def impact(self, target: str, *, as_of: datetime | None = None) -> ImpactSummary:
        """How much a recall of `target` (a version, or all that a step made) would touch, by group: all of it.

        With `as_of`, by the edges that were in force then; stages, statuses and owners are those of now.
        """
        ...

    def affected(
        self, target: str, *, ways: bool = False, page: PageRequest = PageRequest(), as_of: datetime | None = None
    ) -> Page[Affected]:
        """What it would touch: the target first, then by effect and distance. With `ways` each with a shortest way."""
        ...

    def every_affected(self, target: str, *, ways: bool = False, as_of: datetime | None = None) -> Iterator[Affected]:
        """The same without a limit, as it stands when the first is read."""
        ...

    def verify(self, reference: Reference, *, parent: Reference | None = None) -> Sequence[ParentCheck]:
        """Compare a version with its parents: the weights, of which the edges keep what they say, and the interface.

        With `parent`, with that version alone; what is said about one that nobody claims is shown and not recorded.
        """
        ...

    def identify(self, source: str, *, limit: int = 20) -> Identification:
        """The registered models that a safetensors file, or a folder of them, is kin to by its weights.

        Versions that hold the same tensors are compared first, then those with layers of the same shapes, the oldest
        first, `limit` in all.
        """
        ...

    def leakage(self, reference: Reference, *, near: bool = False) -> Leakage:
        """Which rows that a version was tested on stood in training data, its own or that of an ancestor.

        With `near`, for whom may edit, also those that are nearly copies of training rows: that reads their content.
        """
        ...

    def count_leakage(self, reference: Reference) -> LeakageCount:
        """Count anew which test rows stood in training data or are nearly copies of it, and keep that for gates.

        The rows of the data on record now are read, so that a version whose ancestry was corrected has a count again.
        """
        ...

    def leakage_count(self, reference: Reference) -> LeakageCount:
        """The newest such count, where the ancestry still has the data that it is about."""
        ...

    def obligations(
        self, reference: Reference, *, use: Use | None = None, as_of: datetime | None = None
    ) -> Obligations:
        """Every clause of a licence that is in force for a model or dataset version, with the shortest way it came.

        With `as_of`, by the ancestry that was on record then; what the licences ask is read as today.
        """
        ...

    def marks(self, reference: Reference) -> Marks:
        """The marks of a version, such as personal data: its own and those of what it was made from, with the way."""
        ...

    def compute(self, reference: Reference) -> ComputeReport:
        """How much compute went into a model version since the models that it all began with, each step once."""
        ...

    def declare_compute(self, reference: Reference, wish: NewCompute) -> ComputeReport:
        """Declare how much compute the training of a version took, or whether it is a GPAI model; the newest counts."""
        ...

    def notice(self, reference: Reference) -> Notice:
        """The texts of licences and the copyright lines to pass on with a version, and which are not on record."""
        ...

    def export(self, reference: Reference, exchange_format: Exchange) -> object:
        """A version and all that it came from in a format of other programs, as a JSON value."""
        ...

    def checks(self, reference: Reference) -> Sequence[ParentCheck]:
        """The newest recorded comparison with each parent."""
        ...
