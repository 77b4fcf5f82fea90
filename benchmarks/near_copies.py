"""Near-copies: our sketches beside ImageHash (pictures) and rensa (texts), where these are installed.

Pictures are 600 of scikit-learn's digits at 64 x 64. *Found* is the share of copies that were saved as JPEG of quality
40 and darkened by a tenth; *false* the share of pairs of different digits that are taken for copies. Texts are runs of
100 words, of which a tenth is replaced: the error is that of the estimated Jaccard similarity (RMS).
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from PIL import Image, ImageEnhance

from registry.domain.data.near_copies import ALIKE_PICTURES, SIDE, picture_sketch, text_sketches

PICTURES, TEXTS, WORDS, RUN, PLACES = 600, 300, 100, 5, 64
HASHES, APART = ("phash", "dhash", "whash"), (4, 8)


def pictures() -> None:
    """Print the rates of pictures."""
    from sklearn.datasets import load_digits

    originals = [
        Image.fromarray((one * 15.9).astype("uint8")).resize((64, 64), Image.Resampling.BICUBIC)
        for one in load_digits().images[:PICTURES]
    ]
    copies = [_altered(one) for one in originals]
    pairs = np.triu_indices(PICTURES, 1)
    began = time.process_time()
    ours, theirs = (np.stack([picture_sketch(_greys(one)) for one in some]) for some in (originals, copies))
    spent = time.process_time() - began
    _row("ours", (ours * theirs).sum(1) >= ALIKE_PICTURES, (ours @ ours.T)[pairs] >= ALIKE_PICTURES, spent)
    if find_spec("imagehash") is None:
        print("ImageHash is not installed")
        return
    library = import_module("imagehash")
    for name in HASHES:
        began = time.process_time()
        one, other = (np.array([getattr(library, name)(i).hash.ravel() for i in some]) for some in (originals, copies))
        spent = time.process_time() - began
        for most in APART:
            alike = (one[:, None] != one[None]).sum(2)[pairs] <= most
            _row(f"{name}, {most} bits", (one != other).sum(1) <= most, alike, spent)


def texts() -> None:
    """Print the error of the estimated similarity of texts."""
    draw = np.random.default_rng(0)
    words = ["".join(draw.choice(list("abcdefghijklmnopqrstuvwxyz"), draw.integers(3, 9))) for _ in range(2_000)]
    one = [[words[i] for i in draw.integers(0, len(words), WORDS)] for _ in range(TEXTS)]
    other = [[draw.choice(words) if draw.random() < 0.1 else word for word in text] for text in one]
    lines, changed = ([" ".join(text) for text in some] for some in (one, other))
    true = np.array([_jaccard(_runs(a), _runs(b)) for a, b in zip(lines, changed, strict=True)])
    _error("ours", text_sketches, lines, changed, true)
    if find_spec("rensa") is None:
        print("rensa is not installed")
        return
    rensa = import_module("rensa")

    def sketched(some: Sequence[str]) -> Any:
        found = []
        for text in some:
            sketch = rensa.RMinHash(num_perm=PLACES, seed=1)
            sketch.update(sorted(_runs(text)))
            found.append(sketch.digest())
        return np.array(found)

    _error("rensa", sketched, lines, changed, true)


def _altered(picture: Image.Image) -> Image.Image:
    packed = io.BytesIO()
    picture.save(packed, "JPEG", quality=40)
    return ImageEnhance.Brightness(Image.open(packed)).enhance(0.9)


def _greys(picture: Image.Image) -> Any:
    return np.asarray(picture.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX), dtype=np.float32)


def _row(name: str, found: Any, false: Any, seconds: float) -> None:
    print(f"{name:18}{found.mean():8.1%}{false.mean():12.5%}{seconds:10.2f} s")


def _runs(text: str) -> set[str]:
    return {text[i : i + RUN] for i in range(len(text) - RUN + 1)}


def _jaccard(one: set[str], other: set[str]) -> float:
    return len(one & other) / len(one | other)


def _error(
    name: str, sketched: Callable[[Sequence[str]], Any], one: Sequence[str], other: Sequence[str], true: Any
) -> None:
    began = time.process_time()
    a, b = sketched(one), sketched(other)
    spent = time.process_time() - began
    error = float(np.sqrt((((a == b).mean(1) - true) ** 2).mean()))
    print(f"{name:18}{error:8.3f}{1e6 * spent / (2 * TEXTS):12.0f} µs a text")


if __name__ == "__main__":
    print(f"{'pictures':18}{'found':>8}{'false':>12}")
    pictures()
    print(f"\n{'texts':18}{'error':>8}")
    texts()
