"""Exports features: the output of a frozen backbone for each row, as a dataset that other models can be trained on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from adapters.loop.environment import Environment, check_layer, learner_facts
from adapters.loop.methods.word_features import word_features
from adapters.loop.output import publish
from adapters.loop.tasks.roles import Role, unlabelled_role
from adapters.loop.tasks.tasks import SingleLabel
from adapters.loop.techniques.probe import Extraction, extract
from adapters.loop.training.check import some_of
from adapters.loop.training.flops import METHOD
from adapters.loop.training.learner import Learner
from adapters.loop.training.optimizers import freeze
from adapters.loop.training.statistics import apart_from_kept, norms_of
from registry.domain.data.datasets import DataFormat, LabelKind
from registry.domain.recipes.methods import TEST, TRAIN, VALIDATION
from registry.domain.recipes.params import value_of
from registry.domain.recipes.recipe import Freeze
from registry.errors import BadDataError, BadRecipeError, MissingExtraError
from registry.ports.transfers import Finished, TransferEvent


def exporting(env: Environment) -> Iterator[TransferEvent]:
    """Exports the rows of all roles with their labels (of any kind but tags, or none); each role becomes a split."""
    recipe, source = env.recipe, env.job.sources[0]
    kind = DataFormat(str(value_of(recipe, "export")))
    given = {name: env.job.data[name] for name in (TRAIN, VALIDATION, TEST) if name in env.job.data}
    kinds = {data.labels for data in given.values()}
    if len(kinds) > 1:
        raise BadDataError("The roles have labels of different kinds", remedy="Export each dataset by itself")
    (labels,) = kinds
    if labels is LabelKind.TAGS and not env.job.words:
        raise BadRecipeError(
            "The labels are tags of single words, but features describe whole texts", remedy="Use another dataset"
        )
    roles = [unlabelled_role(name, data) for name, data in given.items()]
    # Every learner has a head. This one is not used, so its task does not matter.
    learner = env.framework.open(source, recipe, SingleLabel(("no", "yes")), keep_head=False, fresh=False)
    if learner.feature_layer == "none":
        raise BadRecipeError(f"The source {source.label} gives no features", remedy="Choose another source")
    check_layer(recipe, learner)
    freeze(learner.layers, learner.head, Freeze("backbone"))
    learner.head.requires_grad_(False)
    env.device.place(learner.module)
    yield replace(env.started(learner.module, 0), steps=0)
    if labels is LabelKind.TAGS:
        yield from word_features(env, learner, roles[0])
        return
    extraction = Extraction()
    yield from extract(env.job, learner, roles, env.device, env.name, extraction)
    norms = _norms(env, learner, roles[0]) if env.job.norms else None
    x = np.concatenate([extraction.features[role.name] for role in roles])

    def save(folder: Path) -> None:
        write_features(folder, kind, x, roles, labels)

    folder = env.job.work / "output"
    if env.group.first:
        folder = publish(env.job.work, save, {})
    yield Finished(
        folder=folder,
        architecture="",
        device_seconds=0.0,
        flops=extraction.flops,
        flops_method=METHOD,
        classes=(),
        facts={
            "features": int(x.shape[1]),
            "rows": len(x),
            "feature_layer": learner.feature_layer,
            "features_computed": extraction.items,
            **({"norms": norms} if norms is not None else {}),
            "feature_cache_hits": extraction.hits,
            **learner_facts(learner),
        },
        dataset=kind,
        labels=labels,
    )


def _norms(env: Environment, learner: Learner, role: Role) -> Mapping[str, float] | None:
    """What the normalisations meet on some rows of `role`, against what they keep. Nothing is read without any."""
    if not norms_of(learner.module):
        return None
    some = role.take(some_of(len(role.rows), env.recipe.seed))
    return apart_from_kept(learner.features, learner.module, learner.items(some), some.targets, env.device)


def write_features(folder: Path, kind: DataFormat, x: np.ndarray, roles: list[Role], labels: LabelKind) -> None:
    """Write `features.npz` (x, y, split) or `features.parquet` (x, label, split), deterministic to the byte."""
    splits = [role.name for role in roles for _ in role.rows]
    texts = [row.label or "" for role in roles for row in role.rows]
    if kind is DataFormat.NPZ:
        arrays = {"x": x, "split": np.array(splits)}
        arrays |= {} if labels is LabelKind.NONE else {"y": _label_array(texts, labels)}
        np.savez(folder / "features.npz", **arrays)  # type: ignore[arg-type]
        return
    try:
        import pyarrow  # noqa: PLC0415 - only this form needs it
        from pyarrow import parquet  # noqa: PLC0415 - as above
    except ImportError as error:
        raise MissingExtraError(
            "An export as Parquet needs pyarrow", remedy='Run: pip install "forebear[dvc]", or write export: npz'
        ) from error
    columns = {"x": pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(x.reshape(-1)), x.shape[1])}
    columns |= {} if labels is LabelKind.NONE else {"label": pyarrow.array(texts)}
    parquet.write_table(pyarrow.table(columns | {"split": pyarrow.array(splits)}), folder / "features.parquet")


def _label_array(texts: list[str], labels: LabelKind) -> np.ndarray:
    return np.array([float(text) for text in texts]) if labels is LabelKind.NUMBER else np.array(texts)
