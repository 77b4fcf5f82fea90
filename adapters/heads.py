"""Task heads: from the features of a trunk [N, D] to scores [N, classes]."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor, nn

from registry.errors import BadArtifactError, InvalidError


@dataclass(frozen=True, slots=True)
class HeadShape:
    """`linear`, or `mlp` with one hidden ReLU layer; `dropout` is before the last layer.

    The input is the output of the trunk. If `reads` names modules of the trunk by their paths, it is the mean of their
    pooled outputs instead, which have `width` numbers.
    """

    kind: str = "linear"
    hidden: int = 256
    dropout: float = 0.0
    reads: tuple[str, ...] = ()
    width: int = 0

    def __post_init__(self) -> None:
        if self.kind not in {"linear", "mlp"}:
            raise InvalidError(f"There is no head of kind {self.kind!r}", remedy="Use linear or mlp")
        if self.hidden < 1 or not 0 <= self.dropout < 1:
            raise InvalidError(
                f"A head cannot have {self.hidden} hidden units and dropout {self.dropout}",
                remedy="Use at least one hidden unit, and a dropout of 0 or more and below 1",
            )
        if (self.width > 0) is not bool(self.reads):
            raise InvalidError(f"A head that reads {len(self.reads)} modules cannot have the width {self.width}")

    def build(self, dim: int, classes: int) -> nn.Sequential:
        """A new head with PyTorch's default initialisation, drawn from the global generator."""
        if self.kind == "linear":
            return nn.Sequential(nn.Dropout(self.dropout), nn.Linear(dim, classes))
        return nn.Sequential(
            nn.Linear(dim, self.hidden), nn.ReLU(), nn.Dropout(self.dropout), nn.Linear(self.hidden, classes)
        )

    def tensors(self, head: nn.Module, prefix: str) -> dict[str, Tensor]:
        """The tensors of `head` with the names under which they are saved: `prefix.weight`, or `prefix.0.weight`, …"""
        state = head.state_dict()
        cut = len("1.") if self.kind == "linear" else 0
        return {f"{prefix}.{name[cut:]}": tensor for name, tensor in state.items()}

    def fill(self, head: nn.Module, tensors: Mapping[str, Tensor], prefix: str) -> None:
        """Load tensors that were named by `tensors`."""
        lead = "1." if self.kind == "linear" else ""
        start = f"{prefix}."
        head.load_state_dict({lead + k[len(start) :]: v for k, v in tensors.items() if k.startswith(start)})

    def document(self) -> dict[str, object]:
        """The value of `head` in config.json; `reads` and `width` only for a head that reads inside the trunk."""
        fields = asdict(self)
        names = ("kind", "hidden", "dropout")
        return fields | {"reads": list(self.reads)} if self.reads else {name: fields[name] for name in names}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> HeadShape:
        """The inverse of `document`. Raises: BadArtifactError."""
        try:
            reads = document.get("reads", [])
            if not isinstance(reads, list) or not all(isinstance(name, str) for name in reads):
                raise TypeError("reads is not a list of module names")
            return cls(
                kind=str(document["kind"]),
                hidden=int(document.get("hidden", 256)),
                dropout=float(document.get("dropout", 0.0)),
                reads=tuple(reads),
                width=int(document.get("width", 0)),
            )
        except (KeyError, TypeError, ValueError, InvalidError) as error:
            raise BadArtifactError(f"The head in config.json cannot be read: {error}") from error
