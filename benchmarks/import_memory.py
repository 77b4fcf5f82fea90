"""Peak memory of `forebear model import` on a 1 GB safetensors file: converting, hashing and storing, all processes.

The file is written here, the command runs as a process of its own, and what is printed is the largest resident set of
that process and of every process it started (the system keeps that maximum: getrusage(2), RUSAGE_CHILDREN).
`--check` exits non-zero when the bar is missed. `python -m benchmarks.import_memory`.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BAR_MB = 300
TENSORS, MEGABYTES = 64, 16


def write_weights(file: Path) -> None:
    """A safetensors file of random bytes: 64 tensors of 16 MiB each."""
    size = MEGABYTES * 1024**2
    header = {
        f"layer.{n}.weight": {"dtype": "F32", "shape": [size // 4096, 1024], "data_offsets": [n * size, (n + 1) * size]}
        for n in range(TENSORS)
    }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with file.open("wb") as out:
        out.write(len(text).to_bytes(8, "little") + text)
        for _ in range(TENSORS * MEGABYTES):
            out.write(os.urandom(1024**2))


def forebear(home: Path, *words: str) -> None:
    environment = {**os.environ, "FOREBEAR_HOME": str(home), "FOREBEAR_ACTOR": "bench"}
    subprocess.run(
        [sys.executable, "-m", "registry.cli", *words], env=environment, check=True, stdout=subprocess.DEVNULL
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit 1 when the bar is missed")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        home, file = Path(name) / "home", Path(name) / "weights.safetensors"
        write_weights(file)
        forebear(home, "init")
        begun = time.monotonic()
        options = ("--architecture", "generic", "--licence", "MIT", "--task", "other", "--modality", "text")
        forebear(home, "model", "import", "bench/large", str(file), *options)
        seconds = time.monotonic() - begun
        size = file.stat().st_size / 1e6
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    held = peak <= BAR_MB
    print(f"{'file':>10}{'seconds':>10}{'peak memory':>14}{'bar':>10}")
    print(f"{size:>7.0f} MB{seconds:>10.1f}{peak:>10.0f} MiB{BAR_MB:>6} MiB  {'held' if held else 'MISSED'}")
    return 1 if given.check and not held else 0


if __name__ == "__main__":
    sys.exit(main())
