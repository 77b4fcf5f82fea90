"""A classifier on the average of a text's word vectors, in torch and as a folder."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from adapters.gensim.definitions.static_embeddings import VECTORS, StaticEmbeddings
from adapters.gensim.vectors import CLASSIFIER, CONFIG, TOKENIZER, VOCABULARY, WEIGHTS, piece_of
from adapters.weights.safetensors_files import pieces_of, read_header, write_pieces
from registry.domain.data.datasets import LabelKind
from registry.domain.recipes.recipe import Head

PROBLEMS = {
    LabelKind.CLASS: "single_label_classification",
    LabelKind.MANY: "multi_label_classification",
    LabelKind.NUMBER: "regression",
}
"""What transformers calls the kinds of labels that such a head can answer."""

Pool = dict[str, NDArray[np.float32]]
"""`weights` of the words in an average (V) and `component` (D), the direction taken out of it; or neither."""


class OutputHead(nn.Module):
    """From an average (N x D) to outputs: one linear layer, or a hidden one with ReLU below it."""

    def __init__(self, dim: int, outputs: int, hidden: int, dropout: float) -> None:
        """`hidden` 0: none. Drawn from torch's global generator."""
        super().__init__()
        self.hidden = nn.Linear(dim, hidden) if hidden else None
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden or dim, outputs)

    def forward(self, features: Tensor) -> Tensor:
        """Outputs of averages."""
        if self.hidden is not None:
            features = torch.relu(self.hidden(features))
        outputs: Tensor = self.output(self.dropout(features))
        return outputs

    @classmethod
    def of(cls, head: Head, dim: int, outputs: int) -> OutputHead:
        """The shape for a recipe's head; one that is solved is linear."""
        return cls(dim, outputs, head.hidden if head.kind == "mlp" else 0, head.dropout)

    @classmethod
    def stored(cls, vectors: StaticEmbeddings, dropout: float) -> OutputHead:
        """The shape of the head in `vectors`."""
        tensors = {n.removeprefix("head."): np.array(t) for n, t in vectors.tensors.items() if n.startswith("head.")}
        outputs, width = tensors["output.weight"].shape
        head = cls(vectors.dim, outputs, width if "hidden.weight" in tensors else 0, dropout)
        head.load_state_dict({name: torch.from_numpy(tensor) for name, tensor in tensors.items()})
        return head


class Bag(nn.Module):
    """Vectors, the average over a text, and the head. `component` (D), where given, is taken out of the average."""

    def __init__(self, vectors: Tensor, head: OutputHead, component: NDArray[np.float32] | None = None) -> None:
        super().__init__()
        self.embedding = nn.Embedding.from_pretrained(vectors, freeze=False)
        self.head = head
        self.component: Tensor | None
        self.register_buffer("component", None if component is None else torch.from_numpy(component), persistent=False)

    def features(self, rows: Tensor, shares: Tensor) -> Tensor:
        """Averages (N x D) of rows and their shares (both N x L)."""
        found = torch.bmm(shares.unsqueeze(1), self.embedding(rows)).squeeze(1)
        if self.component is None:
            return found
        return found - torch.outer(found @ self.component, self.component)

    def forward(self, rows: Tensor, shares: Tensor) -> Tensor:
        """Outputs."""
        outputs: Tensor = self.head(self.features(rows, shares))
        return outputs


def mapped(vectors: StaticEmbeddings) -> Tensor:
    """The vectors as a float32 tensor: the file itself, mapped, when it holds float32; else a copy.

    Writing into a mapped tensor copies its pages: the file does not change.
    """
    matrix = vectors.matrix
    if matrix.dtype == np.dtype("<f4") and isinstance(matrix, np.memmap) and matrix.filename is not None:
        own = np.memmap(matrix.filename, matrix.dtype, mode="c", offset=matrix.offset, shape=matrix.shape)
        return torch.from_numpy(own)
    return torch.from_numpy(np.array(matrix, dtype=np.float32))


def save_classifier(
    folder: Path,
    source: StaticEmbeddings,
    head: OutputHead,
    *,
    words: Sequence[str] | None,
    vectors: Tensor | None,
    pool: Mapping[str, NDArray[np.float32]],
    **extra: object,
) -> None:
    """Write vectors, words, head and config, deterministic to the byte; `extra` goes into the config.

    Without `vectors` and `words` those of the source are copied byte for byte.
    """
    file = source.folder / WEIGHTS
    pieces = [p for p in pieces_of(file, read_header(file)) if p.name == VECTORS] if vectors is None else []
    whole: dict[str, NDArray[Any]] = {f"pool.{name}": array for name, array in pool.items()}
    whole |= {f"head.{name}": tensor.detach().cpu().numpy() for name, tensor in head.state_dict().items()}
    if vectors is not None:
        whole[VECTORS] = vectors.detach().cpu().numpy()
    write_pieces(folder / WEIGHTS, [*pieces, *(piece_of(name, array) for name, array in whole.items())])
    text = "\n".join(source.words if words is None else words) + "\n"
    (folder / VOCABULARY).write_bytes(text.encode("utf-8"))
    if (source.folder / TOKENIZER).is_file():
        (folder / TOKENIZER).write_bytes((source.folder / TOKENIZER).read_bytes())
    config = {
        "architectures": [CLASSIFIER],
        "model_type": CLASSIFIER,
        "words": len(source.words if words is None else words),
        "dim": source.dim,
        "dtype": source.matrix.dtype.name if vectors is None else "float32",
        "lower_case": source.lower_case,
    }
    (folder / CONFIG).write_text(json.dumps(config | extra, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def pool_of(vectors: StaticEmbeddings) -> dict[str, NDArray[np.float32]]:
    """The weights of the average and the direction that is taken out of it, where `vectors` has them."""
    names = ("weights", "component")
    return {name: np.array(vectors.tensors[f"pool.{name}"]) for name in names if f"pool.{name}" in vectors.tensors}


def answers(config: Mapping[str, Any], labels: LabelKind, classes: Iterable[str]) -> bool:
    """True when the head that `config` describes has this kind of label and exactly these classes."""
    return config.get("problem_type") == PROBLEMS.get(labels) and (class_names(config) or ()) == tuple(classes)


def class_names(config: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The classes in the order of the outputs; None where there is no head, or its output is a number."""
    names = config.get("id2label")
    if not isinstance(names, dict) or config.get("problem_type") == PROBLEMS[LabelKind.NUMBER]:
        return None
    return tuple(str(names[key]) for key in sorted(names, key=int))
