"""Word vectors, and classifiers on averages of them, in one file that needs only numpy.

The vectors are mapped from the disk and read on demand:

    from static_embeddings import load

    model = load()                                   # the folder of this file, or load("some/folder")
    model.vector("king")                             # one word: float32 [D]
    model.nearest("king", top=5)                     # [(word, cosine), ...]
    model.embed(["a text", "another"])               # one row a text: float32 [N, D]
    model.classify(["a text"])                       # with a head: the class and its probability

The same vectors in gensim:

    from gensim.models import KeyedVectors

    vectors = KeyedVectors(model.dim)
    vectors.add_vectors(model.words, model.matrix)   # then vectors.save_word2vec_format("vectors.txt")

Beside this file lie `model.safetensors` (`embedding.weight`, V x D), `vocabulary.txt` (one word a line, in the order of
the rows) and `config.json`. Vectors of subwords also have a `tokenizer.json`, which needs the library tokenizers. A
classifier has `head.output.weight` and `.bias`, perhaps `head.hidden.weight` and `.bias` below them, and for averages
weighted as Arora, Liang and Ma (2017) do, `pool.weights` (V) and `pool.component` (D), the direction that is taken out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).resolve().parent
VECTORS = "embedding.weight"
WORD = re.compile(
    r"(?:[^\W\d_]\.){2,}"  # u.s.
    r"|\d+(?:[.,]\d+)+"  # 1,000.50
    r"|n't\b|'(?:s|re|ve|ll|d|m)\b"  # the endings that the Penn Treebank, and so GloVe, keeps apart
    r"|\w+(?:[-.]\w+)*"
    r"|[^\w\s]",
    re.IGNORECASE,
)
"""One word of a running text."""
_TYPES = {"F16": "<f2", "F32": "<f4", "F64": "<f8"}


class StaticEmbeddings:
    """One vector a word, and whatever else the folder holds: weights of the average, and a head."""

    def __init__(self, folder: str | Path = HERE) -> None:
        self.folder = Path(folder)
        self.config: dict[str, Any] = json.loads((self.folder / "config.json").read_text(encoding="utf-8"))
        self.tensors = map_tensors(self.folder / "model.safetensors")
        self.matrix = self.tensors[VECTORS]
        text = (self.folder / "vocabulary.txt").read_bytes().decode("utf-8")
        self.words = text.removesuffix("\n").split("\n")  # words may hold other line ends
        self.dim = int(self.matrix.shape[1])
        self.lower_case = bool(self.config.get("lower_case"))
        if len(self.words) != len(self.matrix):
            raise ValueError(f"{len(self.words):,} words and {len(self.matrix):,} vectors")

    @cached_property
    def rows(self) -> dict[str, int]:
        """The row of each word."""
        return {word: row for row, word in enumerate(self.words)}

    @cached_property
    def tokenizer(self) -> Any:
        """Of subwords; None where texts are cut into words."""
        path = self.folder / "tokenizer.json"
        if not path.is_file():
            return None
        from tokenizers import Tokenizer  # noqa: PLC0415 - vectors of words need none

        tokenizer = Tokenizer.from_file(str(path))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    def tokens(self, text: str, limit: int | None = None) -> list[str]:
        """The first `limit` words of a text as they are looked up, known or not; subwords where there is a tokenizer.

        A word that has no vector is tried in lower case, and one with hyphens in its parts.
        """
        if self.tokenizer is not None:
            return list(self.tokenizer.encode(text, add_special_tokens=False).tokens)[:limit]
        found: list[str] = []
        text = (text.lower() if self.lower_case else text).replace("n't", " n't")
        for match in islice(WORD.finditer(text), limit):
            word = match[0]
            if word in self.rows or len(word) == 1:
                found.append(word)
            elif word.lower() in self.rows:
                found.append(word.lower())
            elif "-" in word:
                found += word.split("-")
            else:
                found.append(word)
        return found[:limit]

    def find(self, text: str) -> list[int]:
        """The rows of a text's words, as far as they have one, up to `max_length` words known or not."""
        tokens = self.tokens(text, self.config.get("max_length"))
        return [row for token in tokens if (row := self.rows.get(token)) is not None]

    def vector(self, word: str) -> NDArray[np.float32]:
        """The vector of one word (D). Raises: KeyError."""
        return np.array(self.matrix[self.rows[word]], dtype=np.float32)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The average of each text's vectors (N x D); zeros for a text without a known word."""
        weights, component = self.tensors.get("pool.weights"), self.tensors.get("pool.component")
        out = np.zeros((len(texts), self.dim), dtype=np.float32)
        for line, text in enumerate(texts):
            rows = self.find(text)
            if rows:
                shares = np.ones(len(rows), np.float32) if weights is None else weights[rows]
                out[line] = shares @ self.matrix[rows].astype(np.float32) / len(rows)
        return out if component is None else out - np.outer(out @ component, component)

    def scores(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """What the head gives for each text (N x outputs). Raises: KeyError where there is no head."""
        found = self.embed(texts)
        if "head.hidden.weight" in self.tensors:
            found = np.maximum(found @ self.tensors["head.hidden.weight"].T + self.tensors["head.hidden.bias"], 0)
        scores: NDArray[np.float32] = found @ self.tensors["head.output.weight"].T + self.tensors["head.output.bias"]
        return scores

    def classify(self, texts: Sequence[str]) -> list[Any]:
        """For each text: (class, probability); for several classes at once all that hold; or a number."""
        scores, problem = self.scores(texts).astype(np.float64), self.config.get("problem_type")
        if problem == "regression":
            return [float(score[0]) for score in scores]
        names = [self.config["id2label"][str(number)] for number in range(scores.shape[1])]
        if problem == "multi_label_classification":
            shares = 1 / (1 + np.exp(-scores))
            return [[(n, float(p)) for n, p in zip(names, line, strict=True) if p > 0.5] for line in shares]
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        return [(names[int(line.argmax())], float(line.max())) for line in shares]

    def nearest(self, word: str | NDArray[Any], top: int = 10) -> list[tuple[str, float]]:
        """The `top` words whose vectors have the largest cosine with `word`, a word or a vector, best first."""
        wanted = self.vector(word) if isinstance(word, str) else np.asarray(word, dtype=np.float32)
        cosines = (self.matrix @ wanted) / (self._lengths * np.linalg.norm(wanted) + 1e-12)
        if isinstance(word, str):
            cosines[self.rows[word]] = -np.inf
        top = min(top, len(cosines))
        best = np.argpartition(-cosines, top - 1)[:top]
        return [(self.words[row], float(cosines[row])) for row in best[np.argsort(-cosines[best])]]

    @cached_property
    def _lengths(self) -> NDArray[Any]:
        lengths: NDArray[Any] = np.linalg.norm(self.matrix, axis=1)
        return lengths


def load(folder: str | Path = HERE) -> StaticEmbeddings:
    """What is in `folder`. The vectors are mapped, not read."""
    return StaticEmbeddings(folder)


def map_tensors(file: Path) -> dict[str, NDArray[Any]]:
    """The tensors of a safetensors file, mapped into memory read-only.

    The format: eight bytes with the length of a JSON header, the header, and the bytes of the tensors.
    """
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        header = json.loads(opened.read(length))
    header.pop("__metadata__", None)
    return {
        name: np.memmap(
            file,
            dtype=_TYPES[entry["dtype"]],
            mode="r",
            offset=8 + length + entry["data_offsets"][0],
            shape=tuple(entry["shape"]),
        )
        for name, entry in header.items()
    }
