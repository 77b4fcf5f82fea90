"""transformers, opened lazily and kept quiet: both adapters build its classes, and neither may know the other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from registry.errors import MissingExtraError


def load_transformers(purpose: str) -> Any:
    """The library. Raises: MissingExtraError, which says that `purpose` needs it, with the install command."""
    try:
        import transformers  # noqa: PLC0415 - most sources and own definitions need none of it
    except ImportError as error:
        raise MissingExtraError(
            f"{purpose} needs transformers, which does not import: {error}",
            remedy='Run: pip install "forebear[transformers]"',
        ) from error
    return transformers


@contextmanager
def quiet(transformers: Any) -> Iterator[None]:
    """No progress bar and no table of missing tensors: what does not fit is raised as one error instead."""
    log = transformers.utils.logging
    before, bars = log.get_verbosity(), log.is_progress_bar_enabled()
    log.set_verbosity_error()
    log.disable_progress_bar()
    try:
        yield
    finally:
        log.set_verbosity(before)
        if bars:
            log.enable_progress_bar()
