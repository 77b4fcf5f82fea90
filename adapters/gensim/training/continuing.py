"""Continued pretraining of word vectors, as one governed step: events, checkpoints, and a new version of vectors."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import gensim
import numpy as np
from numpy.typing import NDArray

from adapters.gensim.definitions.static_embeddings import StaticEmbeddings
from adapters.gensim.files.folders import open_folder
from adapters.gensim.offer import setting
from adapters.gensim.texts import read_tokens
from adapters.gensim.training.heldout import HeldOut
from adapters.gensim.training.word2vec import Texts, Training, check, cut
from adapters.gensim.vectors import ARCHITECTURE, TOKENIZER, save_vectors
from adapters.loop.environment import Environment
from adapters.loop.fingerprint import fingerprint
from adapters.loop.output import publish
from adapters.loop.tasks.roles import rows_of
from registry.domain.recipes.methods import TEST, UNLABELLED, VALIDATION
from registry.ports.transfers import Advanced, Finished, Measured, Saved, Started, TransferEvent

FLOPS = (
    "word2vec: words trained x words of a mean window x (1 + negative) x 6 D, a multiply-add is two: the dot product "
    "and the two updates of each pair"
)


def continued_pretraining(env: Environment) -> Iterator[TransferEvent]:
    """Train on. Raises: BadDataError for a corpus without a vocabulary, BadRecipeError."""
    if not env.group.first:
        return  # gensim trains on one processor
    recipe = env.recipe
    check(recipe)
    source = open_folder(env.job.sources[0].folder)
    training = Training.begin(recipe, source, _texts(env, source, UNLABELLED), env.fix.seed)
    done = trained = 0
    if env.found is not None:
        training.restore(env.found)
        done, trained = (int(str(env.found.state[name])) for name in ("step", "words"))
    yield _started(env, training, done)
    held_out = {role: _held_out(env, source, training, role) for role in (VALIDATION,)}
    while done < training.steps:
        total, words = 0.0, 0
        for number in range(len(training.pieces)):
            loss, count = training.step(done)
            done, total, words = done + 1, total + loss, words + count
            epoch = (done - number - 1) // len(training.pieces) + (number + 1) / len(training.pieces)
            yield Advanced(done, epoch, "train", loss / max(1, count), trained + words)
        trained += words
        epoch = done // len(training.pieces)
        yield Measured("loss", total / max(1, words), UNLABELLED, epoch, done)
        for role, pairs in held_out.items():
            if pairs is not None:
                yield Measured("loss", pairs.loss(training.model), role, epoch, done)
        state = {
            "fingerprint": fingerprint(env.job),
            "threads": env.fix.threads,
            "step": done,
            "words": trained,
        }
        yield Saved(env.checkpoints.save(done, training.tensors(), state), done)
    for role in (VALIDATION, TEST):
        pairs = held_out[role] if role in held_out else _held_out(env, source, training, role)
        if pairs is not None:
            yield Measured("loss", pairs.loss(training.model), role, recipe.epochs, done, final=True)
    yield _finished(env, source, training, trained)


def _texts(env: Environment, source: StaticEmbeddings, role: str) -> Texts:
    data = env.job.data[role]
    tokens = read_tokens(rows_of(role, data), data, source, None)
    return cut(tokens, env.recipe.max_length)


def _held_out(env: Environment, source: StaticEmbeddings, training: Training, role: str) -> HeldOut | None:
    return HeldOut.of(training.model, _texts(env, source, role)) if role in env.job.data else None


def _started(env: Environment, training: Training, done: int) -> Started:
    libraries = {"python": platform.python_version(), "gensim": gensim.__version__}
    size, still = int(training.model.wv.vectors.size), 0
    if not setting(env.recipe, "vectors_lockf"):
        still = int((training.shared >= 0).sum()) * int(training.model.vector_size)
    return Started(
        device="cpu",
        precision="fp32",
        hardware={"cpu": env.device.hardware["cpu"], "processes": "1"},
        libraries=libraries | {name: version(name) for name in ("numpy", "scipy", "safetensors", "torch")},
        steps=training.steps,
        epochs=training.epochs,
        trainable=size - still,
        parameters=size,
        resumed_from=done,
    )


def _finished(env: Environment, source: StaticEmbeddings, training: Training, trained: int) -> Finished:
    recipe, model = env.recipe, training.model
    words: list[str] = list(model.wv.index_to_key)
    vectors: NDArray[np.float32] = model.wv.vectors
    kept = 0
    if setting(recipe, "vocabulary") == "all":
        mine = set(words)
        others = [row for row, word in enumerate(source.words) if word not in mine]
        words += [source.words[row] for row in others]
        vectors, kept = np.concatenate([vectors, source.matrix[others].astype(np.float32)]), len(others)

    def save(folder: Path) -> None:
        tokenizer = source.folder / TOKENIZER
        if tokenizer.is_file():
            (folder / TOKENIZER).write_bytes(tokenizer.read_bytes())
        save_vectors(folder, words, vectors, lower_case=source.lower_case)

    shared = int((training.shared >= 0).sum())
    window, negative = int(model.window), int(model.negative)
    return Finished(
        folder=publish(env.job.work, save, {}),
        architecture=ARCHITECTURE,
        device_seconds=time.perf_counter() - env.since,
        flops=float(trained) * (window + 1) * (1 + negative) * 6 * model.vector_size,
        flops_method=FLOPS,
        classes=(),
        facts={
            "threads": env.fix.threads,
            "chosen_by": "last epoch",
            "words_trained": trained,
            "vocabulary": {"words": len(words), "shared": shared, "new": len(model.wv) - shared, "kept": kept},
            "vector_shift": training.shift(source),
        },
    )
