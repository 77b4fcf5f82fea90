"""Converts a checked archive to our folder format and proves that the rebuilt model gives the same outputs."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from adapters.inputs.preprocess import FILE, Preprocess
from adapters.keras.archive import Archive
from adapters.keras.configs import check_config
from adapters.keras.folders import ARCHITECTURE, MAX_DIFFERENCE, first_line, label_maps, write_model
from adapters.keras.library import keras
from adapters.keras.preprocessing import guess
from adapters.keras.surgery import ImageInput, image_input, split, tensors
from adapters.weights.source_files import front_matter, read_json, read_text
from registry.domain.catalog.models import Modality
from registry.errors import BadArtifactError
from registry.ports.importing import ConvertedSource, SourceFacts

CARD, LABELS = "README.md", "labels.txt"
ANY_SIDE = 96
"""Size in pixels of the fixed input if a model takes any size; enough for every network of keras.applications."""


def convert(archive: Archive, folder: Path | None, target: Path) -> ConvertedSource:
    """Rewrite `archive` into `target`. `folder` has its card, labels and preprocessing, if there is one.

    Raises: UnsafeArtifactError, BadArtifactError.
    """
    check_config(archive.config)
    original = _load(archive)
    images, parts = image_input(original), split(original)
    outputs = parts.outputs if parts else None
    extras, notes = _labels(folder, outputs), [f"written by Keras {archive.keras_version}"]
    if images is not None:
        extras["channels"] = images.channels
        notes.append(_preprocessing(archive, folder, images, target))
    rebuilt, header = write_model(target, archive.config, tensors(original), extras)
    notes.append(_prove(original, rebuilt))
    if _looks_untrained(original):
        notes.append("these weights look untrained: all moving means of BatchNormalization are zero")
    card = read_text(folder / CARD) if folder is not None and (folder / CARD).is_file() else None
    licence = front_matter(card or "").get("license")
    facts = SourceFacts(
        format="keras",
        architecture=ARCHITECTURE,
        modality=None if images is None else Modality.IMAGE,
        task=None if images is None else "image-classification" if outputs else "image-feature-extraction",
        licence=licence if isinstance(licence, str) else None,
        card=card,
    )
    parameters = sum(int(np.prod(v.shape)) for v in original.trainable_variables)
    return ConvertedSource(target, facts, len(header.entries), parameters, tuple(notes))


def _load(archive: Archive) -> Any:
    """Load with Keras in safe mode, without compiling. Keras requires the file extension `.keras`."""
    with tempfile.TemporaryDirectory(prefix="keras-") as scratch:
        named = Path(scratch) / "model.keras"
        named.symlink_to(archive.path.resolve())
        try:
            model = keras.saving.load_model(named, compile=False, safe_mode=True)
        except Exception as error:  # the archive is untrusted: Keras may raise anything
            raise BadArtifactError(
                f"Keras {keras.__version__} cannot load {archive.path.name} in safe mode: {first_line(error)}",
                remedy="Save it again with this version of Keras",
            ) from error
    if not model.built or not model.weights:
        raise BadArtifactError(
            f"The model in {archive.path.name} has no weights, or no input shape",
            remedy="Add an Input to the model, and save it after it is built",
        )
    return model


def _labels(folder: Path | None, outputs: int | None) -> dict[str, Any]:
    """`id2label` from labels.txt (one class per line). Raises: BadArtifactError if it does not suit the head."""
    if folder is None or not (folder / LABELS).is_file():
        return {}
    names = [line.strip() for line in read_text(folder / LABELS).splitlines() if line.strip()]
    if len(names) != outputs or len(set(names)) != len(names):
        raise BadArtifactError(
            f"The file {LABELS} names {len(set(names))} classes, but the head has {outputs or 'no'} outputs",
            remedy=f"Write one class per line, in the order of the outputs, or leave {LABELS} out",
        )
    return label_maps(names)


def _preprocessing(archive: Archive, folder: Path | None, images: ImageInput, target: Path) -> str:
    """Write preprocessor_config.json, copied from the folder or guessed; returns a note. Raises: BadArtifactError."""
    if folder is not None and (folder / FILE).is_file():
        read_json(folder / FILE)
        shutil.copyfile(folder / FILE, target / FILE)
        side = Preprocess.read(target).size
        if images.side not in {None, side}:
            raise BadArtifactError(
                f"The file {FILE} resizes images to {side} pixels, but the model takes {images.side}"
            )
        return f"images are preprocessed as described in the {FILE} of the folder"
    preprocess, why = guess(archive.config, images.side)
    preprocess.write(target)
    return why


def _prove(original: Any, rebuilt: Any) -> str:
    """Compare both models on a fixed input. Raises: BadArtifactError if their outputs differ or are not finite."""
    inputs = [_fixed(tensor) for tensor in original.inputs]
    with torch.no_grad():
        outputs = [keras.tree.flatten(model(inputs if len(inputs) > 1 else inputs[0])) for model in (original, rebuilt)]
    if not all(bool(torch.isfinite(output).all()) for output in outputs[0]):
        raise BadArtifactError("The outputs of the model for a fixed input are not finite numbers")
    difference = max(float((one - other).abs().max()) for one, other in zip(*outputs, strict=True))
    if not difference <= MAX_DIFFERENCE:
        raise BadArtifactError(
            f"The rebuilt model gives other outputs for a fixed input: they differ by up to {difference:.2g}"
        )
    shapes = ", ".join(" x ".join(map(str, tensor.shape)) for tensor in inputs)
    return (
        f"the model rebuilt from safetensors gives the same outputs for a fixed input ({shapes}): "
        f"largest difference {difference:.2g}"
    )


def _fixed(tensor: Any) -> torch.Tensor:
    """Fixed pseudo-random numbers: 0 or 1 for integer inputs, else uniform from 0 to 1."""
    shape = [1, *(side or (ANY_SIDE if len(tensor.shape) == 4 else 8) for side in tensor.shape[1:])]
    generator = np.random.default_rng(0)
    if "int" in str(tensor.dtype):
        return torch.from_numpy(generator.integers(0, 2, shape).astype(np.int64))
    return torch.from_numpy(generator.random(shape, dtype=np.float32))


def _looks_untrained(model: Any) -> bool:
    means = [variable.value for variable in model.weights if variable.path.endswith("moving_mean")]
    return bool(means) and not any(bool(mean.any()) for mean in means)
