"""What is exported: a version, everything that it was made from, and how each step ran."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import isfinite

from lineage.graph import Graph
from lineage.nodes import Edge, Node, NodeId, NodeKind

_ULID = "0123456789abcdefghjkmnpqrstvwxyz"
_SPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:forebear")
_EXPRESSION = re.compile(r"[A-Za-z0-9.+-]+|\(|\)|\s+")
_UNKNOWN = frozenset({"", "unknown", "other", "none", "noassertion"})

Json = dict[str, object]
"""A JSON object."""


@dataclass(frozen=True, slots=True)
class Run:
    """How a step ran. Times are ISO 8601 with their zone; None where there is none yet."""

    state: str
    by: str
    began: str | None = None
    ended: str | None = None
    error: str | None = None
    recipe: Mapping[str, object] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    """What it measured on its test data."""


@dataclass(frozen=True, slots=True)
class Record:
    """The version `focus` and all that it came from. `at`: when this was written; `release`: of Forebear."""

    graph: Graph
    focus: NodeId
    runs: Mapping[NodeId, Run]
    at: str
    release: str

    @property
    def subject(self) -> Node:
        """The version in question."""
        return self.graph.node(self.focus)

    def steps(self) -> Iterator[Node]:
        """Every step, inputs before outputs."""
        return (node for node in self.graph.order() if node.kind is NodeKind.STEP)

    def versions(self) -> Iterator[Node]:
        """Every version of a model or dataset, inputs before outputs."""
        return (node for node in self.graph.order() if node.kind is not NodeKind.STEP)

    def inputs(self, step: NodeId) -> list[tuple[Edge, Node]]:
        """What went into a step, with the edge that says how."""
        return [(edge, self.graph.node(edge.source)) for edge in self.graph.into(step)]

    def outputs(self, step: NodeId) -> list[Node]:
        """What a step made."""
        return [self.graph.node(edge.target) for edge in self.graph.out_of(step)]

    def maker(self, version: NodeId) -> Node | None:
        """The step that made a version; None where the ancestry was cut before it."""
        return next((self.graph.node(edge.source) for edge in self.graph.into(version)), None)

    def metrics(self, version: NodeId) -> Mapping[str, float]:
        """What the step that made a version measured on its test data, without what JSON cannot say (NaN, infinity)."""
        maker = self.maker(version)
        measured = {} if maker is None else self.runs[maker.id].metrics
        return {name: value for name, value in measured.items() if isfinite(value)}


def uri(node: Node) -> str:
    """`models:/team/name/3`, `datasets:/team/name/1` or the id of a step."""
    if node.kind is NodeKind.STEP:
        return node.label
    return f"{'models' if node.kind is NodeKind.MODEL else 'datasets'}:/{node.label}"


def urn(node: Node) -> str:
    """The same as a URN (RFC 8141): `urn:forebear:models:team/name:3`, for formats whose ids are URIs."""
    if node.kind is NodeKind.STEP:
        return f"urn:forebear:{node.label}"
    kind, name, number = parts(node)
    return f"urn:forebear:{kind}:{name}:{number}"


def parts(version: Node) -> tuple[str, str, str]:
    """`models` or `datasets`, `team/name` and the number of a version."""
    name, _, number = version.label.rpartition("/")
    return ("models" if version.kind is NodeKind.MODEL else "datasets"), name, number


def run_id(step: Node) -> str:
    """The UUID of a step: the 128 bits of the ULID in its id; for another id, one made from it (RFC 9562)."""
    digits = step.label.rpartition("-")[2]
    if len(digits) == 26 and all(char in _ULID for char in digits):
        number = 0
        for char in digits:
            number = number << 5 | _ULID.index(char)
        if number < 1 << 128:
            return str(uuid.UUID(int=number))
    return stable_id(step.label)


def stable_id(text: str) -> str:
    """A UUID that is always the same for `text` (RFC 9562, version 5)."""
    return str(uuid.uuid5(_SPACE, text))


def expression(licence: str) -> str | None:
    """The licence as an SPDX expression; None for one that is unknown or only a name."""
    known = licence.strip().lower() not in _UNKNOWN and not _EXPRESSION.sub("", licence)
    words = licence.replace("(", " ").replace(")", " ").split()
    joined = [word for word in words if word in {"AND", "OR", "WITH"}]
    return licence if known and len(words) == 2 * len(joined) + 1 else None


def measured_on(edge: Edge) -> bool:
    """Whether an input was only measured on, and nothing was learnt from it."""
    return edge.role.partition(".")[0] in {"test", "validation"}
