"""Keras, opened in one place and in one way: on the torch backend, with no settings of the user's home read or written.

    from adapters.keras.library import keras

Keras decides on its backend while it is imported and never again, so nothing here imports it in another way.
"""

from __future__ import annotations

import os
from typing import Any

from registry.errors import AdapterError


def _open() -> Any:
    before = {name: os.environ.get(name) for name in ("KERAS_BACKEND", "KERAS_HOME", "TF_FORCE_GPU_ALLOW_GROWTH")}
    os.environ["KERAS_BACKEND"] = "torch"
    os.environ["KERAS_HOME"] = os.devnull  # no keras.json of somebody's decides how we compute, and none is left behind
    try:
        import keras  # noqa: PLC0415 - after its environment is set
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
    if keras.config.backend() != "torch":
        raise AdapterError(
            f"Keras was imported before with the backend {keras.config.backend()!r}, which cannot be changed",
            remedy="Set KERAS_BACKEND=torch before anything imports keras",
        )
    return keras


keras: Any = _open()
"""The library. Models say their own types and layouts, so its global settings stay as they are."""
