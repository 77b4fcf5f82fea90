"""The family tree: values, walks and proofs over one graph of models, datasets and transfer steps.

Pure: standard library, numpy and scipy at most. No clock, disk, network or database is touched here.
"""

from lineage.digest import Digest
from lineage.errors import BadDigestError, CycleError, LineageError, UnknownNodeError
from lineage.nodes import Assurance, Edge, Node, NodeId, NodeKind

__all__ = [
    "Assurance",
    "BadDigestError",
    "CycleError",
    "Digest",
    "Edge",
    "LineageError",
    "Node",
    "NodeId",
    "NodeKind",
    "UnknownNodeError",
]
