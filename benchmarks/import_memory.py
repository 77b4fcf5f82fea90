"""Peak memory of importing a 1 GB safetensors file: the process that imports, and the one that converts.

Run: python -m benchmarks.import_memory [MEGABYTES]
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

from adapters.safetensors_files import Piece, write_pieces
from registry.sandbox import convert_in_subprocess

LIMIT = 300
_BLOCK = bytes(range(256)) * 4096


def main() -> None:
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 1024
    with tempfile.TemporaryDirectory(prefix="forebear-bench-") as folder:
        source = Path(folder) / "large.safetensors"
        write_pieces(source, [_tensor(f"layer.{i}.weight", 64) for i in range(megabytes // 64)])
        began = time.perf_counter()
        converted = convert_in_subprocess(
            source, Path(folder) / "converted", architecture=None, pickles=False, memory=0, seconds=600
        )
        seconds = time.perf_counter() - began
    parent = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"{'what':<38}{'value':>12}")
    print(f"{'safetensors file':<38}{f'{megabytes} MB':>12}")
    print(f"{'tensors, compared bit by bit':<38}{converted.tensors:>12}")
    print(f"{'time':<38}{f'{seconds:.1f} s':>12}")
    print(f"{'peak RSS of the importing process':<38}{f'{parent:.0f} MB':>12}")
    print(f"{'peak RSS of the converting process':<38}{f'{child:.0f} MB':>12}")
    print(f"{'allowed':<38}{f'{LIMIT} MB':>12}")
    sys.exit(max(parent, child) > LIMIT)


def _tensor(name: str, megabytes: int) -> Piece:
    """A float32 tensor of `megabytes` MB that never lies in memory whole."""
    return Piece(name, "F32", (megabytes, 262_144), lambda: (memoryview(_BLOCK) for _ in range(megabytes)))


if __name__ == "__main__":
    main()
