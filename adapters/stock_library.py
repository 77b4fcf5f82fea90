"""Imports transformers lazily and suppresses its output. Shared by two adapters, which may not import one another."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from registry.errors import MissingExtraError


def load_transformers(purpose: str) -> Any:
    """The library. Raises: MissingExtraError, naming the `purpose` for which it is needed."""
    try:
        import transformers  # noqa: PLC0415 - most sources do not need it
    except ImportError as error:
        raise MissingExtraError(
            f"{purpose} needs transformers, which cannot be imported: {error}",
            remedy='Run: pip install "forebear[transformers]"',
        ) from error
    return transformers


def library_lacks(model: str, error: ImportError) -> MissingExtraError:
    """What to raise where transformers needs another library for `model`, such as timm for its backbones."""
    named = re.search(r"requires the (\w+) library", str(error))
    package = "another library" if named is None else named[1]
    reason = f", which cannot be imported: {error}" if named is None else ", which is not installed here"
    return MissingExtraError(
        f"The library transformers needs {package} for {model}{reason}",
        remedy='Run: pip install "forebear[timm]"' if package == "timm" else f"Install {package}",
    )


@contextmanager
def quiet(transformers: Any) -> Iterator[None]:
    """Suppress progress bars and warnings about missing tensors: tensors that do not fit are raised as an error."""
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
