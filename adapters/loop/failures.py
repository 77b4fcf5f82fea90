"""Translates exceptions of torch and of other libraries into errors of `registry.errors`."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from registry.errors import AdapterError, NoSpaceError, OutOfMemoryError, RegistryError

LESS = "Halve batch_size, image_size or max_length, or run it with --auto-batch"
"""The remedy when memory runs out."""
_MEMORY_MESSAGES = {
    "The GPU": ("CUDA out of memory", "CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED"),
    "This machine": ("can't allocate memory", "not enough memory", "std::bad_alloc", "Cannot allocate memory"),
}


@contextmanager
def only_registry_errors(adapter: str) -> Iterator[None]:
    """Pass errors of `registry.errors` on and translate all others.

    Raises: NoSpaceError if the disk is full, OutOfMemoryError if memory runs out (of the GPU or of the machine),
    AdapterError for anything else; each is chained to the original exception.
    """
    try:
        yield
    except RegistryError:
        raise
    except torch.OutOfMemoryError as error:
        raise OutOfMemoryError("The GPU has too little memory for this recipe", remedy=LESS) from error
    except MemoryError as error:
        raise OutOfMemoryError("This machine has too little memory for this recipe", remedy=LESS) from error
    except OSError as error:
        if error.errno == errno.ENOMEM:
            raise OutOfMemoryError("This machine has too little memory for this recipe", remedy=LESS) from error
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise NoSpaceError("The disk is full", remedy="Free some space, then resume the step") from error
        raise AdapterError(f"{adapter}: {error}") from error
    except Exception as error:
        if "No space left on device" in str(error):  # safetensors wraps the system's error in its own
            raise NoSpaceError("The disk is full", remedy="Free some space, then resume the step") from error
        if isinstance(error, RuntimeError) and (place := _where_memory_ran_out(str(error))):
            raise OutOfMemoryError(f"{place} has too little memory for this recipe", remedy=LESS) from error
        raise AdapterError(f"{adapter}: {type(error).__name__}: {error}") from error


def _where_memory_ran_out(message: str) -> str | None:
    """Which memory ran out, by the text of a plain RuntimeError: torch has no class for these cases."""
    return next(
        (place for place, messages in _MEMORY_MESSAGES.items() if any(part in message for part in messages)), None
    )
