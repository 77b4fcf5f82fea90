"""Our folder format of a Keras model: model.safetensors with variables by path, config.json with the Keras config.

`definitions.keras_model` reads this format. Every build checks the config against the allow-list of `configs`, so a
folder that did not come from the importer cannot run code either.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.numpy import load_file
from torch import Tensor

from adapters.keras.configs import check_config
from adapters.keras.library import keras
from adapters.weights.misfits import check_fit
from adapters.weights.pickled_weights import pieces_of
from adapters.weights.safetensors_files import Header, write_pieces
from adapters.weights.source_files import read_json
from registry.errors import BadArtifactError

# Imported after `library`, which sets the backend.
from adapters.keras.definitions import keras_model  # isort: skip

ARCHITECTURE = "keras"
WEIGHTS, CONFIG = "model.safetensors", "config.json"
MAX_DIFFERENCE = 1e-4
"""Largest accepted difference between the outputs of the rebuilt and the original model; 0 is expected."""


def read_document(folder: Path) -> dict[str, Any]:
    """The config.json of `folder`. Raises: BadArtifactError."""
    if not (folder / CONFIG).is_file():
        raise BadArtifactError(f"The folder has no {CONFIG}")
    document = read_json(folder / CONFIG)
    if not isinstance(document, dict) or document.get("architectures") != [ARCHITECTURE]:
        raise BadArtifactError(f"The file {CONFIG} is not that of a Keras model")
    return document


def class_names(document: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The names in `id2label`, in the order of the outputs; None if there are none."""
    labels = document.get("id2label")
    if not isinstance(labels, Mapping) or not labels:
        return None
    return tuple(str(name) for _, name in sorted(labels.items(), key=lambda item: int(item[0])))


def label_maps(classes: Sequence[str]) -> dict[str, Any]:
    """`id2label` and `label2id`, as in a config.json of the Hub."""
    return {
        "id2label": {str(n): name for n, name in enumerate(classes)},
        "label2id": {name: n for n, name in enumerate(classes)},
    }


def build(document: Mapping[str, Any]) -> Any:
    """The keras.Model of a config.json, with new weights. Raises: UnsafeArtifactError, BadArtifactError."""
    config = document.get("keras")
    check_config(config)
    try:
        return keras_model.build(document)
    except Exception as error:  # the config is untrusted: Keras may raise anything
        raise BadArtifactError(f"Keras {keras.__version__} cannot build this model: {first_line(error)}") from error


def read_model(folder: Path) -> Any:
    """The keras.Model in `folder`, with its weights. Raises: UnsafeArtifactError, MisfitError, BadArtifactError."""
    model = build(read_document(folder))
    try:
        tensors = load_file(folder / WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise BadArtifactError(f"The file {WEIGHTS} cannot be read: {error}") from error
    wanted = {name: tuple(variable.shape) for name, variable in keras_model.variables(model).items()}
    check_fit(ARCHITECTURE, wanted, {name: tuple(tensor.shape) for name, tensor in tensors.items()})
    keras_model.fill(model, tensors)
    return model


def write_model(
    folder: Path, config: Mapping[str, Any], values: Sequence[Tensor], extras: Mapping[str, Any]
) -> tuple[Any, Header]:
    """Write `values` (in the order of the model's weights) and config.json into `folder`; returns the rebuilt model.

    `config` is Keras's own; `extras` are further keys of config.json. The same model gives the same bytes.
    Raises: BadArtifactError, UnsafeArtifactError, MisfitError.
    """
    document = {
        "architectures": [ARCHITECTURE],
        "model_type": ARCHITECTURE,
        "keras_version": str(keras.__version__),
        "keras": config,
        **extras,
    }
    text = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    model = build(json.loads(text))
    names = list(keras_model.variables(model))
    shapes = [tuple(variable.shape) for variable in model.weights]
    if [tuple(value.shape) for value in values] != shapes:
        raise BadArtifactError("The variables of the model differ from those that its config describes")
    (folder / CONFIG).write_text(text, encoding="utf-8")
    plain = [value.detach().cpu().contiguous() for value in values]
    header = write_pieces(folder / WEIGHTS, pieces_of(dict(zip(names, plain, strict=True))))
    return read_model(folder), header


def first_line(error: Exception) -> str:
    """The first line of a message of Keras, at most 300 characters: some messages contain whole configs."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
