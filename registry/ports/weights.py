"""Reading the weights of a stored model, to compare them with those of another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # it needs NumPy, which the server starts without
    from lineage.kinship import Weights


class WeightReader(Protocol):
    """Knows the files that stored models consist of."""

    name: str

    def open(self, folder: Path) -> Weights:
        """The tensors of the model in `folder`, or in one file; not read yet. None where the folder holds no weights.

        Raises: BadArtifactError.
        """
        ...
