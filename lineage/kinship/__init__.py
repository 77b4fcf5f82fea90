"""Kinship: do the weights of a child support the claim that it was made from a parent?

A ladder of tests over the tensors of two models, cheapest first, which stops at the first that decides. Nothing here
reads a file: tensors come through the protocol `Weights`.
"""

from lineage.kinship.changes import changes
from lineage.kinship.index import index
from lineage.kinship.ladder import compare
from lineage.kinship.merging import compare_merge
from lineage.kinship.tensors import TensorInfo, Weights
from lineage.relations import Relation, WeightComparison

__all__ = ["Relation", "TensorInfo", "WeightComparison", "Weights", "changes", "compare", "compare_merge", "index"]
