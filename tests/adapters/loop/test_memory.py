"""Memory that runs out: with a limited address space, and with the messages of torch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from adapters.loop.failures import only_registry_errors
from registry.errors import AdapterError, NoSpaceError, OutOfMemoryError

ROOT = Path(__file__).parents[3]
SCRIPT = """
import resource, shutil, sys
from pathlib import Path
from registry.domain.recipes.recipe import Method
from registry.errors import OutOfMemoryError
from tests.adapters.loop.worlds import WORLDS, finish

world = WORLDS["torch"](Path(sys.argv[1]))
large = {"method": Method.FEATURE_EXTRACTION, "image_size": 512, "epochs": 1, "roles": ("train",)}
finish(world, world.job("small", batch_size=2, **large))
pages = int(Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + int(sys.argv[2]) * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    shutil.rmtree(world.folder / "features", ignore_errors=True)
    finish(world, world.job("large", batch_size=48, **large))
except OutOfMemoryError as error:
    print(error)
"""


@pytest.mark.slow
def test_a_full_address_space_is_reported_as_too_little_memory(tmp_path: Path) -> None:
    """The batch alone takes 151 MB, so that it is torch which asks for too much.

    Features are read, not learnt: oneDNN 3.12 (torch 2.13) ends the process with a segmentation fault in the gradient
    of this model's 1x1 convolutions of stride 2, channels last, at 256 pixels and more, however much memory there is.
    """
    words = [sys.executable, "-c", SCRIPT, str(tmp_path), "100"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "MALLOC_ARENA_MAX": "1"}
    done = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=250, check=False)
    assert done.stdout.startswith("This machine has too little memory for this recipe. Halve batch_size"), done.stderr


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"), "The GPU has too little memory"),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate`"), "The GPU has too little"),
        (
            RuntimeError("[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory"),
            "This machine has too little memory",
        ),
        (MemoryError(), "This machine has too little memory"),
        (OSError(12, "Cannot allocate memory"), "This machine has too little memory"),
    ],
)
def test_memory_that_runs_out_has_its_own_error(problem: Exception, message: str) -> None:
    with pytest.raises(OutOfMemoryError, match=message), only_registry_errors("torch"):
        raise problem


@pytest.mark.parametrize(
    ("problem", "kind"),
    [(RuntimeError("shapes do not fit"), AdapterError), (OSError(28, "No space left on device"), NoSpaceError)],
)
def test_other_errors_are_not_reported_as_too_little_memory(problem: Exception, kind: type[Exception]) -> None:
    with pytest.raises(kind) as raised, only_registry_errors("torch"):
        raise problem
    assert not isinstance(raised.value, OutOfMemoryError)


def test_memory_that_runs_out_on_a_real_allocation_is_found() -> None:
    with pytest.raises(OutOfMemoryError), only_registry_errors("torch"):
        torch.empty(2**60, dtype=torch.uint8)
