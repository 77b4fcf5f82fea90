"""A breadth-first walk in C over the arrays of a compiled graph: as little as a walk can cost, for benchmarks alone."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np

SOURCE = """
#include <stdint.h>
int64_t walk(const int64_t *starts, const int32_t *targets, int64_t from, uint8_t *seen, int32_t *queue) {
    int64_t first = 0, last = 1;
    queue[0] = (int32_t)from;
    seen[from] = 1;
    while (first < last) {
        int32_t here = queue[first++];
        for (int64_t edge = starts[here]; edge < starts[here + 1]; edge++) {
            int32_t there = targets[edge];
            if (!seen[there]) { seen[there] = 1; queue[last++] = there; }
        }
    }
    for (int64_t i = 0; i < last; i++) seen[queue[i]] = 0;
    return last;
}
"""


def c_walk(starts: np.ndarray, targets: np.ndarray, folder: Path) -> Callable[[int], np.ndarray] | None:
    """A function that gives the places of all that a place reaches, itself first; None without a C compiler.

    `starts` [nodes + 1] int64 and `targets` [edges] int32, as in `lineage.compiled`.
    """
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    source, library = folder / "walk.c", folder / "walk.so"
    source.write_text(SOURCE)
    subprocess.run([compiler, "-O3", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    function = ctypes.CDLL(str(library)).walk
    function.restype = ctypes.c_int64
    starts, targets = np.ascontiguousarray(starts, np.int64), np.ascontiguousarray(targets, np.int32)
    seen, queue = np.zeros(len(starts), np.uint8), np.zeros(len(starts), np.int32)

    def walk(place: int) -> np.ndarray:
        given = (_pointer(starts), _pointer(targets), ctypes.c_int64(place), _pointer(seen), _pointer(queue))
        return queue[: function(*given)]

    return walk


def _pointer(array: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)
