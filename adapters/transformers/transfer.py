"""Transfers of text models: the result is a stock folder that `from_pretrained` of transformers loads."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import transformers
from torch import nn

from adapters.loop.environment import Environment
from adapters.loop.failures import only_registry_errors
from adapters.loop.tasks.roles import Role
from adapters.loop.tasks.tasks import Task
from adapters.loop.training.learner import Learner, Reloaded
from adapters.loop.transfer import METHODS, MethodFunction, run
from adapters.transformers.classifiers.headed import NAME, open_headed, wants_own_head
from adapters.transformers.classifiers.heads import renew, whole_head
from adapters.transformers.classifiers.learner import TextLearner
from adapters.transformers.classifiers.opening import name_padding, notes_of, outside_head, proved_head
from adapters.transformers.classifiers.trial import check
from adapters.transformers.folders import architecture_of, read_config
from adapters.transformers.language_models.learning import language_modelling
from adapters.transformers.models import ANSWERING, ENDINGS, Loaded, answers, load
from adapters.transformers.offer import OFFER, PREFIX
from adapters.transformers.parameter_efficient.four_bits import four_bits, keep_packing, notes, wants_four_bits
from adapters.transformers.parameter_efficient.merging import FOLDED, merging
from adapters.transformers.parameter_efficient.optional import load_adapted
from adapters.transformers.reloading import reload
from adapters.transformers.texts.tokens import tokens_for
from registry.domain.data.datasets import LabelKind
from registry.domain.recipes.methods import TRAIN
from registry.domain.recipes.recipe import Method, Recipe
from registry.errors import BadArtifactError, BadRecipeError
from registry.ports.transfers import ModelInput, TransferEvent, TransferJob


def adapter(env: Environment) -> Iterator[TransferEvent]:
    """An adapter for a task where the data has labels; where it has none, for the text itself."""
    bare = env.job.data[TRAIN].labels is LabelKind.NONE
    yield from (language_modelling if bare else METHODS[Method.FINE_TUNING])(env)


WAYS: Mapping[Method, MethodFunction] = {
    **METHODS,
    Method.ADAPTER: adapter,
    Method.CONTINUED_PRETRAINING: language_modelling,
    Method.MERGE: merging,
}


class TransformersTransfers:
    """Text encoders into classifiers, regressors and taggers; language models; adapters for all of them."""

    offer = OFFER

    def run(self, job: TransferJob) -> Iterator[TransferEvent]:
        """Run `job`, yielding events. Raises: errors of `registry.errors` only."""
        with only_registry_errors(self.offer.name), _whole(job) as complete:
            yield from run(complete, self, WAYS)

    def libraries(self) -> Mapping[str, str]:
        """The version of transformers."""
        return {"transformers": transformers.__version__}

    def parent_classes(self, source: ModelInput) -> tuple[str, ...] | None:
        """The classes of a source's own head in the order of its logits; None for an encoder or unnamed classes."""
        config = read_config(source.folder)
        names = config.get("id2label")
        if source.architecture == NAME:
            named = {LabelKind.CLASS.value, LabelKind.MANY.value}
            return tuple(names[str(n)] for n in range(len(names))) if config.get("labels") in named and names else None
        if not architecture_of(config).endswith(ENDINGS) or not isinstance(names, dict):
            return None
        ordered = tuple(str(names[key]) for key in sorted(names, key=int))
        if answers(config, LabelKind.NUMBER):
            return None
        return None if all(name == f"LABEL_{n}" for n, name in enumerate(ordered)) else ordered

    def open(self, source: ModelInput, recipe: Recipe, task: Task, *, keep_head: bool, fresh: bool) -> Learner:
        """Load the encoder in fp32 under a head for `task`: its own when `keep_head`, else the stock one, new.

        Raises: BadRecipeError for a head that a stock folder cannot hold, or a probe on an encoder whose
        weights are missing below the head; BadArtifactError for a folder that transformers cannot read.
        """
        own_head = partial(_headed, source, recipe, task, keep_head=keep_head, fresh=fresh)
        if wants_own_head(source, recipe, task):
            return own_head()
        if recipe.head.layers != "linear":
            raise BadRecipeError(
                f"A stock classifier of transformers has no head of kind {recipe.head.kind!r}",
                remedy="Leave head out, or use method: feature_extraction, which has mlp",
            )
        small = four_bits(source.folder, ANSWERING[task.labels].auto) if wants_four_bits(recipe) else {}
        model, loaded = load(source.folder, task, recipe.head.dropout, **small)
        if small:
            keep_packing(model)
        if fresh:
            model, loaded = type(model)(model.config).eval(), Loaded(frozenset(model.state_dict()), frozenset())
        whole, untrained = whole_head(model), outside_head(model, loaded.absent)
        probing = recipe.method is Method.FEATURE_EXTRACTION
        if not fresh and (lost := [name for name in untrained if "pooler" not in name.split(".")]):
            if task.labels is LabelKind.TAGS:
                raise BadArtifactError(
                    f"{source.label} has no weights for {len(lost)} tensors of {type(model).__name__}: "
                    f"{', '.join(lost[:5])}",
                    remedy="Import the model again, with all its weights",
                    facts={"missing": lost},
                )
            return own_head()  # on the encoder alone, or a refusal that names what it lacks
        keeps = keep_head and len(untrained) == len(loaded.absent) and answers(read_config(source.folder), task.labels)
        if not keeps:
            renew(whole, float(getattr(model.config, "initializer_range", 0.02)))
        tokens = tokens_for(source.folder, model, recipe.max_length)
        name_padding(model, tokens)
        head = None if task.labels is LabelKind.TAGS else proved_head(model, tokens)
        if probing and task.labels is LabelKind.TAGS:
            raise BadRecipeError(
                f"{source.label} cannot be probed for a label of each word",
                remedy="Use method: fine_tuning, with freeze: backbone to keep the encoder as it is",
            )
        if probing and (head is None or untrained):
            return own_head()
        _check_bias(model, whole, task)
        check(lambda inputs: model(**inputs).logits, model, tokens, trains=not probing)
        learner = TextLearner(model, head, whole if head is None else head, tokens, keeps_head=keeps)
        learner.notes += [*notes_of(model, loaded, fresh=fresh), *(notes() if small else ())]
        return load_adapted().AdaptedLearner(learner, recipe, loaded.absent, source) if _adapts(recipe) else learner

    def reload(self, folder: Path, architecture: str, sample: Role) -> Reloaded | None:
        """The outputs of stock classes, or of the one-file definition."""
        return reload(folder, architecture, sample)


def _headed(source: ModelInput, recipe: Recipe, task: Task, *, keep_head: bool, fresh: bool) -> Learner:
    if _adapts(recipe):
        raise BadRecipeError(
            f"An adapter needs a stock class of transformers for this task, and {source.label} has none that "
            "all its weights fit",
            remedy="Use method: feature_extraction or fine_tuning",
        )
    return open_headed(source, recipe, task, keep_head=keep_head, fresh=fresh)


def _check_bias(model: Any, head: nn.Module, task: Task) -> None:
    """Raises: BadRecipeError for numbers: their scale is folded into the last layer, which needs a bias for that."""
    last = [part for part in head.modules() if isinstance(part, nn.Linear)][-1:]
    if task.labels is LabelKind.NUMBER and any(part.bias is None for part in last):
        raise BadRecipeError(
            f"The last layer of {type(model).__name__} has no bias, so it cannot learn numbers",
            remedy="Use method: feature_extraction, whose head has one",
        )


def _adapts(recipe: Recipe) -> bool:
    return recipe.method is Method.ADAPTER and recipe.epochs > 0  # with 0 epochs an adapter is only measured


@contextmanager
def _whole(job: TransferJob) -> Iterator[TransferJob]:
    """`job` with every source that is an adapter merged into its parent, inside the `with`.

    Raises: BadRecipeError for an adapter on an adapter, ParentChangedError.
    """
    if not any(source.architecture.startswith(PREFIX) for source in job.sources):
        yield job
        return
    if _adapts(job.recipe):
        raise BadRecipeError(
            f"{job.sources[0].label} is an adapter itself",
            remedy="Merge it with method: merge, and train the new adapter on the result",
        )
    job.work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=FOLDED, dir=job.work) as folder:
        yield replace(
            job,
            sources=tuple(
                load_adapted().whole(source, Path(folder) / str(n))
                if source.architecture.startswith(PREFIX)
                else source
                for n, source in enumerate(job.sources)
            ),
        )
