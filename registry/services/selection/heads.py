"""What the head that a candidate keeps says of rows whose labels it never saw: LEEP and NCE are computed from it."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lineage import Digest
from registry.domain.data.datasets import LabelKind
from registry.domain.manifests import canonical_json
from registry.domain.recipes.methods import TEST, TRAIN
from registry.domain.recipes.recipe import Recipe
from registry.errors import AdapterError, BadRecipeError
from registry.files import write_whole
from registry.ports.transfers import DataInput, ModelInput
from registry.services.comparison.arm_recipes import as_it_is
from registry.services.comparison.asking import ask, with_its_head
from registry.services.context import Context
from registry.services.lookup import found
from registry.services.selection.candidates import Eligible

OUTPUTS = "outputs.npy"
_FORM = 1
"""Part of the name of what is kept: another way to ask gets another number."""


def head_of(
    context: Context, candidate: Eligible, source: ModelInput, data: DataInput, work: Path
) -> NDArray[np.float32] | None:
    """By row of `data`, in order of key, the chance of each class of the head (N x Cs); None where there is no head.

    What was asked before is read from the cache of the registry folder, by the digests of the model and the data.
    """
    try:
        recipe = _recipe(context, candidate, data)
        kept = _place(context, candidate, recipe, data)
        if kept.exists():
            return _read(kept)
        finished = ask(
            context, recipe, source, {TRAIN: data, TEST: data}, work, seed=recipe.seed, outputs=True, any_labels=True
        )
    except BadRecipeError:
        return None
    outputs = np.load(finished.folder / OUTPUTS, allow_pickle=False).astype(np.float64)
    answers = np.asarray(chances(outputs.reshape(len(outputs), -1), LabelKind.CLASS), dtype=np.float32)
    if not np.isfinite(answers).all():
        raise AdapterError(f"The head of {candidate.detail.summary.ref} gives values that are not finite numbers")
    kept.parent.mkdir(parents=True, exist_ok=True)
    file = io.BytesIO()
    np.save(file, answers, allow_pickle=False)
    write_whole(kept, file.getvalue())
    return answers


def chances(outputs: NDArray[np.float64], labels: LabelKind) -> NDArray[np.float64]:
    """The outputs of a head as chances; numbers as they are."""
    if labels is LabelKind.NUMBER:
        return outputs
    if labels is LabelKind.MANY:
        both: NDArray[np.float64] = 1.0 / (1.0 + np.exp(-np.clip(outputs, -500, 500)))
        return both
    powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    shares: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return shares


def _recipe(context: Context, candidate: Eligible, data: DataInput) -> Recipe:
    detail, dataset = candidate.detail, candidate.recipe.data[TRAIN].dataset
    with context.read() as uow:
        step = found(uow.steps.get(detail.step), detail.step)
        ref = found(uow.catalog.resolve(dataset), dataset)
    return as_it_is(*with_its_head(context, detail, step, (ref, data.split), data.labels))


def _place(context: Context, candidate: Eligible, recipe: Recipe, data: DataInput) -> Path:
    identity = {
        "form": _FORM,
        "model": str(candidate.detail.summary.digest),
        "data": str(data.digest),
        "split": data.split,
        "rows": str(Digest.of("\n".join(str(row.key) for row in data.chosen).encode())),
        "sizes": [recipe.image_size, recipe.max_length],
    }
    return context.home / "cache" / "answers" / f"{Digest.of(canonical_json(identity)).hex}.npy"


def _read(path: Path) -> NDArray[np.float32]:
    kept: NDArray[np.float32] = np.load(path, allow_pickle=False)
    return kept
