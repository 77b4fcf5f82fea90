"""From a checked archive to our form, with the proof: the rebuilt model answers a fixed input as the archive's does."""

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
from adapters.keras.folders import ARCHITECTURE, LARGEST, first_line, label_maps, write_model
from adapters.keras.library import keras
from adapters.keras.preprocessing import guess
from adapters.keras.surgery import Pictures, pictures, split, tensors
from adapters.weights.source_files import front_matter, read_json, read_text
from registry.domain.catalog.models import Modality
from registry.errors import BadArtifactError
from registry.ports.importing import ConvertedSource, SourceFacts

CARD, LABELS = "README.md", "labels.txt"
ANY_SIDE = 96
"""Pixels of the fixed input where a model takes any: enough for every network of keras.applications."""


def convert(archive: Archive, beside: Path | None, target: Path) -> ConvertedSource:
    """Rewrite `archive` into `target`; `beside` is the folder with its card, labels and preprocessing.

    Raises: UnsafeArtifactError, BadArtifactError.
    """
    check_config(archive.config)
    original = _load(archive)
    seen, parts = pictures(original), split(original)
    outputs = parts.outputs if parts else None
    extras, notes = _labels(beside, outputs), [f"written by Keras {archive.keras_version}"]
    if seen is not None:
        extras["channels"] = seen.channels
        notes.append(_preprocessing(archive, beside, seen, target))
    rebuilt, header = write_model(target, archive.config, tensors(original), extras)
    notes.append(_prove(original, rebuilt))
    if _looks_untrained(original):
        notes.append("these weights look untrained: every moving mean of their normalisations is zero")
    card = read_text(beside / CARD) if beside is not None and (beside / CARD).is_file() else None
    licence = front_matter(card or "").get("license")
    facts = SourceFacts(
        format="keras",
        architecture=ARCHITECTURE,
        modality=None if seen is None else Modality.IMAGE,
        task=None if seen is None else "image-classification" if outputs else "image-feature-extraction",
        licence=licence if isinstance(licence, str) else None,
        card=card,
    )
    parameters = sum(int(np.prod(v.shape)) for v in original.trainable_variables)
    return ConvertedSource(target, facts, len(header.entries), parameters, tuple(notes))


def _load(archive: Archive) -> Any:
    """By Keras itself, in safe mode, without what the model was compiled with. It insists on the name of the file."""
    with tempfile.TemporaryDirectory(prefix="keras-") as scratch:
        named = Path(scratch) / "model.keras"
        named.symlink_to(archive.path.resolve())
        try:
            model = keras.saving.load_model(named, compile=False, safe_mode=True)
        except Exception as error:  # the archive is foreign: Keras may fail on it in any way
            raise BadArtifactError(
                f"Keras {keras.__version__} does not load {archive.path.name} in safe mode: {first_line(error)}",
                remedy="Save it anew with this version of Keras",
            ) from error
    if not model.built or not model.weights:
        raise BadArtifactError(
            f"{archive.path.name} has no weights, or does not say the shape of its inputs",
            remedy="Give the model an Input, and save it after it was built",
        )
    return model


def _labels(beside: Path | None, outputs: int | None) -> dict[str, Any]:
    """`id2label` from labels.txt, one class a line. Raises: BadArtifactError when they do not fit the head."""
    if beside is None or not (beside / LABELS).is_file():
        return {}
    names = [line.strip() for line in read_text(beside / LABELS).splitlines() if line.strip()]
    if len(names) != outputs or len(set(names)) != len(names):
        raise BadArtifactError(
            f"{LABELS} names {len(set(names))} classes, and the head has {outputs or 'no'} outputs",
            remedy=f"Write one class a line, in the order of the outputs, or leave {LABELS} out",
        )
    return label_maps(names)


def _preprocessing(archive: Archive, beside: Path | None, seen: Pictures, target: Path) -> str:
    """Write preprocessor_config.json, from beside the archive or guessed; gives a note. Raises: BadArtifactError."""
    if beside is not None and (beside / FILE).is_file():
        read_json(beside / FILE)
        shutil.copyfile(beside / FILE, target / FILE)
        side = Preprocess.read(target).size
        if seen.side not in {None, side}:
            raise BadArtifactError(f"{FILE} makes pictures of {side} pixels, and the model takes {seen.side}")
        return f"pictures are prepared as the {FILE} beside the archive says"
    preprocess, why = guess(archive.config, seen.side)
    preprocess.write(target)
    return why


def _prove(original: Any, rebuilt: Any) -> str:
    """Both models on one fixed input. Raises: BadArtifactError when they differ, or answer with no numbers."""
    inputs = [_fixed(tensor) for tensor in original.inputs]
    with torch.no_grad():
        answers = [keras.tree.flatten(model(inputs if len(inputs) > 1 else inputs[0])) for model in (original, rebuilt)]
    if not all(bool(torch.isfinite(answer).all()) for answer in answers[0]):
        raise BadArtifactError("the model answers a fixed input with values that are no numbers")
    far = max(float((one - other).abs().max()) for one, other in zip(*answers, strict=True))
    if not far <= LARGEST:
        raise BadArtifactError(f"the rebuilt model answers a fixed input otherwise: they differ by {far:.2g}")
    shapes = ", ".join(" x ".join(map(str, tensor.shape)) for tensor in inputs)
    return (
        f"rebuilt from safetensors, it answers a fixed input ({shapes}) as the archive does: they differ by {far:.2g}"
    )


def _fixed(tensor: Any) -> torch.Tensor:
    """The same numbers each time: 0 or 1 for whole numbers, else evenly spread from 0 to 1."""
    shape = [1, *(side or (ANY_SIDE if len(tensor.shape) == 4 else 8) for side in tensor.shape[1:])]
    draw = np.random.default_rng(0)
    if "int" in str(tensor.dtype):
        return torch.from_numpy(draw.integers(0, 2, shape).astype(np.int64))
    return torch.from_numpy(draw.random(shape, dtype=np.float32))


def _looks_untrained(model: Any) -> bool:
    means = [variable.value for variable in model.weights if variable.path.endswith("moving_mean")]
    return bool(means) and not any(bool(mean.any()) for mean in means)
