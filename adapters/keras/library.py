"""Imports Keras with the torch backend, without reading or writing settings in the user's home.

    from adapters.keras.library import keras

The backend is fixed while Keras is imported, so no other module here imports Keras directly.
"""

from __future__ import annotations

import os
from typing import Any

from registry.errors import AdapterError


def _open() -> Any:
    before = {name: os.environ.get(name) for name in ("KERAS_BACKEND", "KERAS_HOME", "TF_FORCE_GPU_ALLOW_GROWTH")}
    os.environ["KERAS_BACKEND"] = "torch"
    os.environ["KERAS_HOME"] = os.devnull  # no keras.json is read or written
    try:
        import keras  # noqa: PLC0415 - after the environment is set
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
    if keras.config.backend() != "torch":
        raise AdapterError(
            f"Keras was already imported with the backend {keras.config.backend()!r}, which cannot be changed",
            remedy="Set KERAS_BACKEND=torch before anything imports keras",
        )
    return keras


keras: Any = _open()
"""The library. Its global settings stay at their defaults: models define their own types and layouts."""
