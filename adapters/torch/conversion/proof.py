"""Checks a conversion: on a fixed input, the written model must give the outputs of the foreign weights.

The input is an image of bytes from SHAKE-256, the same on every machine, after the preprocessing that was written with
the model.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from adapters.inputs.preprocess import Preprocess
from adapters.torch.conversion.references import Answers, Reference
from adapters.torch.families import DEFINITIONS, LAYERS, definition_of, fill, read_config, read_tensors
from adapters.torch.models import load_image_model
from adapters.weights.agreement import compare
from lineage import Digest
from registry.errors import MisfitError


def stored_picture(side: int) -> NDArray[np.uint8]:
    """The image that conversions are checked on, [side, side, 3]."""
    raw = hashlib.shake_256(b"forebear: a picture to prove conversions on").digest(side * side * 3)
    return np.frombuffer(raw, np.uint8).reshape(side, side, 3)


def prove(folder: Path, architecture: str, reference: Reference, side: int) -> str:
    """A sentence for the provenance: the input, how far the answers lie apart and how large they are.

    Raises: MisfitError naming the largest difference.
    """
    picture = stored_picture(side)
    x = Preprocess.read(folder).resized(side).apply(picture).unsqueeze(0)
    theirs = reference(x.permute(0, 2, 3, 1).numpy().astype(np.float64))
    ours = _answers(folder, architecture, x)
    parts = [
        compare(what, mine, foreign)
        for what, mine, foreign in (
            ("features", ours.features, theirs.features),
            ("scores", ours.scores, theirs.scores),
        )
        if mine is not None and foreign is not None
    ]
    if not parts:
        raise MisfitError(f"No output of {architecture} can be compared with the source")
    return f"proved on a stored picture of {side} x {side} pixels ({Digest.of(picture.tobytes())}): {'; '.join(parts)}"


def _answers(folder: Path, architecture: str, x: Tensor) -> Answers:
    """The outputs of the model in `folder`, loaded by the code that transfers use."""
    if architecture not in DEFINITIONS and not architecture.startswith(LAYERS):
        model = load_image_model(folder, architecture)
        with torch.inference_mode():
            features = model.features(x)
            scores = None if model.module.head is None else model.head(features).numpy()
        return Answers(features.numpy(), scores)
    config, tensors = read_config(folder), read_tensors(folder)
    definition = definition_of(config, architecture)
    whole = definition.network(definition.make_head(config))
    fill(whole, tensors, architecture)
    trunk = definition.network(nn.Identity())
    fill(trunk, {name: t for name, t in tensors.items() if not name.startswith("classifier.")}, architecture)
    with torch.inference_mode():
        features = trunk.eval()(x).numpy()
        headed = config["head"]["kind"] != "none"
        return Answers(features, whole.eval()(x).numpy() if headed else None)
