"""What can be wrong with a family tree or with a claim about it."""

from __future__ import annotations


class LineageError(Exception):
    """Something is wrong with a lineage value or question."""

    code = "lineage-error"


class BadDigestError(LineageError):
    """Not a SHA-256 digest: 64 lower-case hexadecimal digits, with or without `sha256:` before them."""

    code = "bad-digest"

    def __init__(self, text: str) -> None:
        super().__init__(f"{text[:80]!r} is not a SHA-256 digest: give 64 lower-case hexadecimal digits")


class UnknownNodeError(LineageError):
    """The graph has no such node."""

    code = "unknown-node"

    def __init__(self, node: object) -> None:
        super().__init__(f"the graph has no node {node}")


class CycleError(LineageError):
    """An edge would make a thing its own ancestor."""

    code = "lineage-cycle"

    def __init__(self, source: object, target: object) -> None:
        super().__init__(f"an edge {source} -> {target} would make {target} its own ancestor")


class BadEdgeError(LineageError):
    """An edge joins a transfer step with a model or dataset version, never two versions or two steps."""

    code = "bad-edge"

    def __init__(self, source: object, target: object) -> None:
        super().__init__(f"an edge {source} -> {target} does not join a transfer step with a version")


class UnknownLinkError(LineageError):
    """A link that was to be taken away is not there."""

    code = "unknown-link"

    def __init__(self, source: object, target: object) -> None:
        super().__init__(f"no link leads from {source} to {target} in this way")


class MisfitGraphError(LineageError):
    """What was recorded since does not fit the compiled graph: it is not that of this registry, or of another time."""

    code = "misfit-graph"

    def __init__(self) -> None:
        super().__init__("the compiled graph is not an earlier state of this graph")
