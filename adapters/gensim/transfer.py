"""Transfers from word vectors: classifiers on their averages, with frozen or trained vectors, and further training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import gensim
import numpy as np

from adapters.gensim.bag import Bag, OutputHead, Pool, answers, class_names, mapped, pool_of
from adapters.gensim.definitions.static_embeddings import StaticEmbeddings, load
from adapters.gensim.files.folders import open_folder
from adapters.gensim.learner import BagLearner, Table
from adapters.gensim.offer import COVERAGE, OFFER, setting
from adapters.gensim.sif import common_direction, sif_weights
from adapters.gensim.texts import Coverage, look_up, read_tokens
from adapters.gensim.training.continuing import continued_pretraining
from adapters.gensim.training.initialising import embedding_initialisation
from adapters.inputs.lengths import MOST, RECIPE, SOURCE, Limit
from adapters.inputs.row_texts import text_of
from adapters.loop.methods.feature_extraction import feature_extraction
from adapters.loop.methods.fine_tuning import fine_tuning
from adapters.loop.tasks.roles import Role, few, read_roles, rows_of, unlabelled_role
from adapters.loop.tasks.tasks import Task
from adapters.loop.training.learner import Learner, Reloaded
from adapters.loop.transfer import run
from registry.domain.data.datasets import LabelKind
from registry.domain.recipes.methods import TEST, VALIDATION
from registry.domain.recipes.params import whole_of
from registry.domain.recipes.recipe import WHOLE_TEXT, Freeze, Method, Recipe
from registry.ports.transfers import Finished, Measured, ModelInput, TransferEvent, TransferJob

INITIALISED = frozenset({Method.EMBEDDING_INITIALISATION, Method.PRETRAINING})
"""Methods whose table has the words of the training data; the others use the source's."""


class GensimTransfers:
    """Classifiers that start from word vectors, and word vectors trained further on another corpus."""

    offer = OFFER

    def run(self, job: TransferJob) -> Iterator[TransferEvent]:
        """Run `job`, yielding events. Raises: errors of `registry.errors` only."""
        recipe = job.recipe
        requested = tuple(name for name in recipe.metrics if name not in COVERAGE)
        if recipe.method is Method.EMBEDDING_INITIALISATION:
            frozen = setting(recipe, "embeddings") == "frozen"
            recipe = replace(recipe, freeze=Freeze("backbone" if frozen else "none"))
        job = replace(job, recipe=replace(recipe, metrics=requested))
        bench = Bench(job)
        for event in run(job, bench, WAYS):
            if isinstance(event, Finished):
                yield from self._told(job, bench, event)
            else:
                yield event

    def _told(self, job: TransferJob, bench: Bench, done: Finished) -> Iterator[TransferEvent]:
        """`done` with what the source's vectors lack of every role's words; of what is held out, as metrics too."""
        shares = {role: bench.coverage(role) for role in job.data}
        for role in (VALIDATION, TEST):
            if role in shares:
                yield Measured("oov_types", shares[role].types, role, job.recipe.epochs, 0, final=True)
                yield Measured("oov_tokens", shares[role].tokens, role, job.recipe.epochs, 0, final=True)
        documents = {role: share.document() for role, share in shares.items()}
        yield replace(done, facts={**done.facts, **bench.facts, "out_of_vocabulary": documents})


class Bench:
    """The framework of one job: tables of words come from its training texts."""

    offer = OFFER

    def __init__(self, job: TransferJob) -> None:
        self.job = job
        self.facts: dict[str, object] = {}
        """Facts for the manifest."""
        self._opened: dict[Path, StaticEmbeddings] = {}

    def vectors(self, source: ModelInput) -> StaticEmbeddings:
        """The source's vectors, opened once. Raises: BadArtifactError."""
        if source.folder not in self._opened:
            self._opened[source.folder] = open_folder(source.folder)
        return self._opened[source.folder]

    def libraries(self) -> Mapping[str, str]:
        """The version of transformers."""
        return {"gensim": gensim.__version__}

    def parent_classes(self, source: ModelInput) -> tuple[str, ...] | None:
        """The classes of a classifier in the order of its outputs; None for bare vectors."""
        return class_names(self.vectors(source).config)

    def open(self, source: ModelInput, recipe: Recipe, task: Task, *, keep_head: bool, fresh: bool) -> Learner:
        """The source's vectors under a head for `task`; which words the table holds depends on the method.

        Raises: BadArtifactError for a folder that cannot be read, BadDataError when no training word has a vector.
        """
        vectors, learns = self.vectors(source), bool(recipe.epochs)
        if learns and recipe.method in INITIALISED:
            return self._initialised(vectors, recipe, task, fresh=fresh)
        kept = keep_head and answers(vectors.config, task.labels, task.classes)
        pool = pool_of(vectors) if kept else {}
        if learns and recipe.method is Method.FEATURE_EXTRACTION and setting(recipe, "pooling") == "sif":
            pool = self._sif(vectors, recipe)
        head = OutputHead.stored(vectors, recipe.head.dropout) if kept else None
        bag = Bag(mapped(vectors), head or OutputHead.of(recipe.head, vectors.dim, task.outputs), pool.get("component"))
        limit = _limit(recipe)
        if not learns and "max_length" in vectors.config:
            limit = replace(limit, size=int(vectors.config["max_length"]), why=SOURCE)
        return BagLearner(vectors, bag, limit, pool=pool, keeps_head=kept)

    def reload(self, folder: Path, architecture: str, sample: Role) -> Reloaded:  # noqa: ARG002 - there is one
        """The scores of the one-file definition."""
        texts = [text_of(row, sample.data) for row in sample.rows]
        return Reloaded(load(folder).scores(texts), "static_embeddings")

    def _initialised(self, vectors: StaticEmbeddings, recipe: Recipe, task: Task, *, fresh: bool) -> Learner:
        """A table of the training texts' words under a new head, whatever the source's own head was for."""
        known = OFFER.known(recipe.method)
        table = Table.of(
            vectors,
            self._texts(vectors, recipe),
            least=whole_of(recipe, "min_count") if "min_count" in known else 1,
            whole="vocabulary" in known and setting(recipe, "vocabulary") == "all",
            fresh=fresh,
        )
        self.facts["vocabulary"] = {"words": len(table.words), "copied": table.copied}
        bag = Bag(table.vectors, OutputHead.of(recipe.head, vectors.dim, task.outputs))
        return BagLearner(vectors, bag, _limit(recipe), table=table)

    def _sif(self, vectors: StaticEmbeddings, recipe: Recipe) -> Pool:
        """Weights and common direction of the training texts, as numbers that the child keeps."""
        texts = self._texts(vectors, recipe)
        weights = sif_weights(texts, vectors.rows)
        items = look_up(texts, vectors.rows, weights)
        averages = np.stack([items.average(number, vectors.matrix) for number in range(len(items))])
        return {"weights": weights, "component": common_direction(averages)}

    def _texts(self, vectors: StaticEmbeddings, recipe: Recipe) -> list[list[str]]:
        """The words of the training texts; no other rows are used."""
        data = self.job.data["train"]
        train = unlabelled_role("train", data) if data.labels is LabelKind.NONE else read_roles(self.job).train
        train = train.take(few(train, whole_of(recipe, "shots"), recipe.seed))
        return read_tokens(train.rows, train.data, vectors, recipe.max_length)

    def coverage(self, role: str) -> Coverage:
        """What the source's vectors lack of the texts of `role`: of all their words where vectors learn from them."""
        data, recipe, vectors = self.job.data[role], self.job.recipe, self.vectors(self.job.sources[0])
        limit = None if recipe.method is Method.CONTINUED_PRETRAINING else recipe.max_length
        return Coverage.of(read_tokens(rows_of(role, data), data, vectors, limit), vectors.rows)


def _limit(recipe: Recipe) -> Limit:
    return Limit(recipe.max_length, RECIPE if recipe.max_length < WHOLE_TEXT else MOST, "words")


WAYS = {
    Method.PRETRAINING: fine_tuning,
    Method.FEATURE_EXTRACTION: feature_extraction,
    Method.FINE_TUNING: fine_tuning,
    Method.EMBEDDING_INITIALISATION: embedding_initialisation,
    Method.CONTINUED_PRETRAINING: continued_pretraining,
}
