"""Encoders as an ONNX model beside their config.json: the weights for a class of transformers, and their proof."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from adapters.stock_library import load_transformers, quiet
from adapters.transformers.fitting import class_of
from adapters.transformers.folders import WEIGHTS
from adapters.weights.agreement import compare
from adapters.weights.foreign.arrays import Array, pieces_of
from adapters.weights.foreign.onnx_encoders import Encoder
from adapters.weights.safetensors_files import Header, write_pieces
from registry.errors import MisfitError

_ROWS, _TOKENS = 2, 12
"""What the proof uses where the graph leaves sizes open."""


def write_weights(encoder: Encoder, folder: Path, target: Path, architecture: str | None) -> tuple[Header, list[str]]:
    """The tensors of `encoder` as safetensors in `target`, for the class that the config in `folder` names, and notes.

    Raises: InvalidError, BadArtifactError, MissingExtraError.
    """
    wanted, prefix = _wanted(folder, architecture)
    tensors, notes = dict(encoder.tensors), []
    lead = _common_lead(tensors)
    if lead and lead.removesuffix(".") not in {prefix, *(name.partition(".")[0] for name in wanted)}:
        tensors = {name.removeprefix(lead): array for name, array in tensors.items()}
        notes.append(f"removed {lead!r} from the names of tensors")
    for name, shape in wanted.items():
        if name in tensors:
            continue
        if name.endswith("mask_token"):
            tensors[name] = np.zeros(shape, np.float32)
            notes.append(f"the ONNX model has no {name}, which only training with masks uses: written as 0")
        elif (joined := _joined(encoder, shape)) is not None:
            tensors[name] = joined
            notes.append(f"put {name} together from two parts of the ONNX model")
    return write_pieces(target / WEIGHTS, pieces_of(tensors)), notes


def _wanted(folder: Path, architecture: str | None) -> tuple[dict[str, tuple[int, ...]], str]:
    import torch  # noqa: PLC0415 - most imports need no torch

    transformers = load_transformers("A Hugging Face folder")
    kind = class_of(folder, architecture)
    with quiet(transformers), torch.device("meta"):
        model = kind(transformers.AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False))
    return {name: tuple(t.shape) for name, t in model.state_dict().items()}, model.base_model_prefix


def _common_lead(tensors: Mapping[str, Array]) -> str:
    first = {name.partition(".")[0] for name in tensors}
    return f"{first.pop()}." if len(first) == 1 else ""


def _joined(encoder: Encoder, shape: tuple[int, ...]) -> Array | None:
    """Position embeddings [1, 1 + N, D] are stored as those of the class token and of the N patches."""
    if len(shape) != 3 or shape[0] != 1:
        return None
    first = [array for array in encoder.nameless if array.shape == (1, 1, shape[2])]
    rest = [array for array in encoder.nameless if array.shape == (1, shape[1] - 1, shape[2])]
    return np.concatenate([first[0], rest[0]], axis=1) if len(first) == len(rest) == 1 else None


# --- proof ---------------------------------------------------------------------------------------------------------


def prove_encoder(encoder: Encoder, folder: Path, architecture: str) -> str:
    """A sentence for the provenance: the model in `folder` gives the outputs of the graph. Raises: MisfitError."""
    import torch  # noqa: PLC0415 - most imports need no torch

    transformers = load_transformers("A Hugging Face folder")
    with quiet(transformers):
        model: Any = getattr(transformers, architecture.removeprefix("transformers:")).from_pretrained(
            folder, local_files_only=True, use_safetensors=True, dtype=torch.float32
        )
    feeds = _feeds(encoder, model.config)
    theirs = encoder.answer(feeds)
    with torch.inference_mode():
        found = model.eval()(**{name: torch.from_numpy(array) for name, array in feeds.items()})
    ours = {name: value.numpy() for name, value in found.items() if isinstance(value, torch.Tensor)}
    seen = feeds.get("attention_mask")
    parts = []
    for name, foreign in theirs.items():
        alike = name if name in ours else _by_shape(ours, foreign)
        if alike is not None:
            mine = ours[alike]
            if seen is not None and foreign.ndim == 3 and foreign.shape[:2] == seen.shape:
                mine, foreign = mine[seen == 1], foreign[seen == 1]  # noqa: PLW2901 - of padding, graphs answer anything
            parts.append(compare(alike.replace("_", " "), mine, foreign))
    if not parts:
        raise MisfitError(
            f"No output of the ONNX model ({', '.join(theirs)}) is one of {architecture}'s ({', '.join(ours)})"
        )
    given = "pictures" if "pixel_values" in feeds else "tokens"
    return f"proved against the ONNX graph on stored {given}: {'; '.join(parts)}"


def _by_shape(ours: Mapping[str, Array], foreign: Array) -> str | None:
    """The one output of the same shape; None when there is none, or when there are several."""
    alike = [name for name, array in ours.items() if array.shape == foreign.shape]
    return alike[0] if len(alike) == 1 else None


def _feeds(encoder: Encoder, config: Any) -> dict[str, Array]:
    """Fixed inputs for the graph: numbers from SHAKE-256. Raises: MisfitError for an input of unknown purpose."""
    feeds: dict[str, Array] = {}
    for name, sizes in encoder.inputs.items():
        if name == "pixel_values" and len(sizes) == 4:
            side = int(getattr(config, "image_size", 224))
            shape = (sizes[0] or _ROWS, 3, sizes[2] or side, sizes[3] or side)
            feeds[name] = (_numbers(shape) / 128 - 1).astype(np.float32)
        elif name in {"input_ids", "attention_mask", "token_type_ids", "position_ids"} and len(sizes) == 2:
            rows, tokens = sizes[0] or _ROWS, sizes[1] or _TOKENS
            feeds[name] = _text_input(name, rows, tokens, config)
        else:
            raise MisfitError(f"The ONNX model has the input {name!r}, of which it is not known what belongs into it")
    return feeds


def _text_input(name: str, rows: int, tokens: int, config: Any) -> Array:
    places = np.arange(tokens)
    if name == "position_ids":
        return np.tile(places, (rows, 1)).astype(np.int64)
    if name == "token_type_ids":
        return np.zeros((rows, tokens), np.int64)
    if name == "attention_mask":  # the last row ends in padding
        lengths = np.array([tokens] * (rows - 1) + [max(1, tokens - 4)])
        return (places < lengths[:, None]).astype(np.int64)
    wide = _numbers((rows, tokens)).astype(np.int64) * 256 + _numbers((rows, tokens, 2))[..., 1]
    lowest = 1 + max(0, int(config.pad_token_id or 0))
    return lowest + wide % (int(config.vocab_size) - lowest)


def _numbers(shape: tuple[int, ...]) -> Array:
    """Bytes from SHAKE-256, the same on every machine."""
    raw = hashlib.shake_256(b"forebear: inputs to prove conversions on").digest(int(np.prod(shape)))
    return np.frombuffer(raw, np.uint8).reshape(shape)
