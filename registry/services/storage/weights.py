"""What storage keeps of the weights of versions, to find a version by them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from lineage import Digest, WeightIndex
from registry.domain.names import VersionRef


class WeightRepository(Protocol):
    """Tensors and shapes of the versions of models. Deleted versions are not found."""

    def add(self, ref: VersionRef, index: WeightIndex) -> None:
        """Keep the index of a version that has none."""
        ...

    def missing(self, *, limit: int) -> Sequence[VersionRef]:
        """Versions without an index, oldest first."""
        ...

    def lacks(self, ref: VersionRef) -> bool:
        """Whether this version is there and has no index."""
        ...

    def sharing(
        self, tensors: Collection[Digest], *, limit: int, hidden: Collection[str] = ()
    ) -> Mapping[VersionRef, int]:
        """Versions that hold some of these tensors, with how many bytes of them, most first; of equals the oldest.

        Of each tensor, only the 1,000 oldest versions that hold it are counted. Those of the teams `hidden` (folded)
        are none of them.
        """
        ...

    def alike(self, layers: Digest, *, limit: int, hidden: Collection[str] = ()) -> Sequence[VersionRef]:
        """Versions with layers of these shapes, oldest first, without those of the teams `hidden`."""
        ...
