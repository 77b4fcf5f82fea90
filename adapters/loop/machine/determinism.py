"""Settings that make results reproducible on one kind of CPU, set in one place and restored afterwards.

A run uses the global random generators of the process: a caller that draws from torch's global generator between two
events changes the result.
"""

from __future__ import annotations

import importlib
import os
import random
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from registry.ports.transfers import Determinism

_MEMORY: Any = torch.utils.deterministic
_ANY, _WARN, _STRICT = 0, 1, 2


@contextmanager
def deterministic(fix: Determinism, *, strict: bool = True) -> Iterator[None]:
    """Seed torch, numpy and python, set the number of threads and, if `strict`, allow deterministic kernels only.

    All settings are process-wide; on exit every setting and every generator state is restored.
    """
    before = random_states()
    threads, mode = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    fill, benchmark = _MEMORY.fill_uninitialized_memory, torch.backends.cudnn.benchmark
    try:
        if strict:
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS reads it when its handle is created
        _set_kernels(_STRICT if strict else _ANY)
        # Filling new memory with NaN would reveal kernel bugs, but costs time at every allocation.
        _MEMORY.fill_uninitialized_memory = False
        torch.backends.cudnn.benchmark = not strict
        torch.set_num_threads(max(1, fix.threads))
        seed_everything(fix.seed)
        yield
    finally:
        torch.set_num_threads(threads)
        torch.backends.cudnn.benchmark = benchmark
        _MEMORY.fill_uninitialized_memory = fill
        _set_kernels(mode)
        restore_random_states(before)


def compile_module(module: nn.Module) -> None:
    """Compile `module` in place, with the kernels that are allowed at the moment."""
    importlib.import_module("torch._inductor.config")
    _set_kernels(torch.get_deterministic_debug_mode())
    module.compile()


def _set_kernels(mode: int) -> None:
    """Allow any kernel (0), warn of one that is not deterministic (1) or refuse it (2), here and in compiled code.

    `torch.use_deterministic_algorithms` does the same, but imports torch's compiler (a second) if it is not loaded.
    """
    torch.set_deterministic_debug_mode(mode)
    if "torch._inductor.config" in sys.modules:
        torch.use_deterministic_algorithms(mode != _ANY, warn_only=mode == _WARN)


def seed_everything(seed: int) -> None:
    """Seed the global generators of torch (every device), numpy and python."""
    torch.manual_seed(seed)
    np.random.seed(seed % 2**32)
    random.seed(seed)


def random_states() -> dict[str, Tensor]:
    """The state of every global generator, as tensors that a safetensors file can hold."""
    _, keys, position, has_gauss, gauss = np.random.get_state(legacy=True)
    version, words, cached = random.getstate()
    states = {
        "torch": torch.get_rng_state(),
        "numpy": torch.tensor([*(int(k) for k in keys), int(position), int(has_gauss)], dtype=torch.int64),
        "numpy.gauss": torch.tensor([float(gauss)], dtype=torch.float64),
        "python": torch.tensor([version, cached is not None, *words], dtype=torch.int64),
        "python.gauss": torch.tensor([cached or 0.0], dtype=torch.float64),
    }
    if torch.cuda.is_initialized():
        states |= {f"cuda.{n}": state for n, state in enumerate(torch.cuda.get_rng_state_all())}
    return states


def restore_random_states(states: Mapping[str, Tensor]) -> None:
    """Restore states returned by `random_states`."""
    torch.set_rng_state(states["torch"])
    *keys, position, has_gauss = states["numpy"].tolist()
    gauss = float(states["numpy.gauss"].item())
    np.random.set_state(("MT19937", np.array(keys, dtype=np.uint32), position, has_gauss, gauss))
    version, cached, *words = states["python"].tolist()
    random.setstate((version, tuple(words), float(states["python.gauss"].item()) if cached else None))
    for name, state in states.items():
        if name.startswith("cuda.") and torch.cuda.is_available() and int(name[5:]) < torch.cuda.device_count():
            torch.cuda.set_rng_state(state, int(name[5:]))
