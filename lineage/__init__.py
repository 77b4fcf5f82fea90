"""Lineage: values, walks and proofs over one graph of models, datasets and transfer steps.

Pure: standard library, numpy and scipy at most. No clock, disk, network or database is touched here.
"""

from lineage.ancestry import lineage_digest
from lineage.digest import Digest
from lineage.errors import (
    BadDigestError,
    BadEdgeError,
    CycleError,
    LineageError,
    MisfitGraphError,
    UnknownLinkError,
    UnknownNodeError,
)
from lineage.graph import Graph, Kinship, hops_of
from lineage.nodes import Assurance, Edge, Node, NodeId, NodeKind
from lineage.relations import Relation, TensorChange, TensorShape, WeightChanges, WeightComparison, WeightIndex

__all__ = [
    "Assurance",
    "BadDigestError",
    "BadEdgeError",
    "CycleError",
    "Digest",
    "Edge",
    "Graph",
    "Kinship",
    "LineageError",
    "MisfitGraphError",
    "Node",
    "NodeId",
    "NodeKind",
    "Relation",
    "TensorChange",
    "TensorShape",
    "UnknownLinkError",
    "UnknownNodeError",
    "WeightChanges",
    "WeightComparison",
    "WeightIndex",
    "hops_of",
    "lineage_digest",
]
