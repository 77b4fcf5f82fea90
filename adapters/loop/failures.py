"""Nothing foreign leaves an adapter: exceptions of torch and friends become errors of the registry's tree."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from registry.errors import AdapterError, NoSpaceError, OutOfMemoryError, RegistryError

LESS = "Halve batch_size, image_size or max_length, or run it with --auto-batch"
"""What to do about memory."""
_SAID = {
    "the GPU": ("CUDA out of memory", "CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED"),
    "this machine": ("can't allocate memory", "not enough memory", "std::bad_alloc", "Cannot allocate memory"),
}


@contextmanager
def only_registry_errors(adapter: str) -> Iterator[None]:
    """Let errors of `registry.errors` pass and translate all others.

    Raises: NoSpaceError for a full disk, OutOfMemoryError for full memory (of the GPU or of the machine), AdapterError
    for the rest, each from the original.
    """
    try:
        yield
    except RegistryError:
        raise
    except torch.OutOfMemoryError as error:
        raise OutOfMemoryError("the GPU has too little memory for this recipe", remedy=LESS) from error
    except MemoryError as error:
        raise OutOfMemoryError("this machine has too little memory for this recipe", remedy=LESS) from error
    except OSError as error:
        if error.errno == errno.ENOMEM:
            raise OutOfMemoryError("this machine has too little memory for this recipe", remedy=LESS) from error
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise NoSpaceError("the disk is full", remedy="Free some space, then resume the step") from error
        raise AdapterError(f"{adapter}: {error}") from error
    except Exception as error:
        if "No space left on device" in str(error):  # safetensors wraps the system's error in its own
            raise NoSpaceError("the disk is full", remedy="Free some space, then resume the step") from error
        if isinstance(error, RuntimeError) and (place := _where_memory_ran_out(str(error))):
            raise OutOfMemoryError(f"{place} has too little memory for this recipe", remedy=LESS) from error
        raise AdapterError(f"{adapter}: {type(error).__name__}: {error}") from error


def _where_memory_ran_out(said: str) -> str | None:
    """What torch and its libraries say in a plain RuntimeError, having no class for it."""
    return next((place for place, words in _SAID.items() if any(word in said for word in words)), None)
