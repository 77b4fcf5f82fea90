"""Nothing foreign leaves an adapter: exceptions of torch and friends become errors of the registry's tree."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from registry.errors import AdapterError, NoSpaceError, RegistryError


@contextmanager
def only_registry_errors(adapter: str) -> Iterator[None]:
    """Let errors of `registry.errors` pass and translate all others.

    Raises: NoSpaceError for a full disk, AdapterError for the rest, each from the original.
    """
    try:
        yield
    except RegistryError:
        raise
    except torch.OutOfMemoryError as error:
        raise AdapterError(
            "the GPU has too little memory for this recipe", remedy="Halve batch_size, image_size or max_length"
        ) from error
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise NoSpaceError("the disk is full", remedy="Free some space, then resume the step") from error
        raise AdapterError(f"{adapter}: {error}") from error
    except Exception as error:
        if "No space left on device" in str(error):  # safetensors wraps the system's error in its own
            raise NoSpaceError("the disk is full", remedy="Free some space, then resume the step") from error
        raise AdapterError(f"{adapter}: {type(error).__name__}: {error}") from error
