"""What `params` of a recipe may hold, per method: one table for checks, defaults and documentation.

A recipe after defaults holds every parameter of its method, so that a later change of a default changes no recorded
result. An adapter may offer further ones of its own (`AdapterOffer.params`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from registry.domain.catalog.models import Modality
from registry.domain.recipes.places import PLACES
from registry.domain.recipes.recipe import Method, Recipe
from registry.domain.text import did_you_mean, expected, nearest


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter: its default, what it may be, what it means and where the default comes from.

    `words` are the values to choose from; without them the value has the type of the default: a whole number, a
    number, true or false, or text. `low` and `high` limit numbers, both inclusive. With `each`, a list of such values
    or a value for each name may be given instead of a single one.
    """

    default: object
    meaning: str
    source: str = "own choice"
    words: tuple[str | int | bool, ...] = ()
    low: float = -math.inf
    high: float = math.inf
    each: bool = False
    only: Modality | None = None
    """Of models of this modality alone."""

    def problem(self, value: object) -> str | None:
        """What is wrong with `value`, as the end of a sentence; None when nothing is."""
        if self.each and isinstance(value, list | tuple):
            return next((found for one in value if (found := self._problem(one))), None)
        if self.each and isinstance(value, Mapping):
            return next((found for one in value.values() if (found := self._problem(one))), None)
        return self._problem(value)

    def _problem(self, value: object) -> str | None:
        if self.words:
            known = [word for word in self.words if type(word) is type(value)]
            return None if value in known else expected(_listed(self.words), value)
        wanted = type(self.default) if not self.each else float
        if wanted is float and isinstance(value, int | float) and not isinstance(value, bool):
            return self._limit(float(value))
        if type(value) is not wanted:
            kinds = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
            return expected(kinds[wanted], value)
        return self._limit(float(value)) if isinstance(value, int) and wanted is int else None

    def _limit(self, value: float) -> str | None:
        if math.isfinite(value) and self.low <= value <= self.high:
            return None
        return f"expected {self.limits}, not {value:g}"

    @property
    def limits(self) -> str:
        """What numbers it takes, in words."""
        if math.isinf(self.high):
            return "a number" if math.isinf(self.low) else f"a number of at least {self.low:g}"
        return f"a number from {self.low:g} to {self.high:g}"


Table: TypeAlias = dict[str, Param]

TRAINING: Table = {
    "precision": Param("auto", "arithmetic: bf16 where a GPU proves it", words=("auto", "fp64", "fp32", "bf16")),
    "compile": Param("auto", "torch.compile: on a GPU from 2,000 steps on", words=("auto", True, False)),
    "deterministic": Param(False, "on a GPU too, deterministic kernels only (a CPU is always deterministic)"),
}
"""Of every method that trains."""
SUPERVISED: Table = TRAINING | {
    "class_weights": Param(
        "none", "`balanced`: each class weighs alike", "King and Zeng 2001", words=("none", "balanced")
    ),
    "patience": Param(0, "epochs without a better validation value before training ends; 0: never", low=0),
    "shots": Param(0, "training rows drawn of each class, by the seed; 0: all", low=0),
}
"""Of every method that learns from labels."""
AUGMENTING: Table = {
    "augment": Param(
        "auto",
        "`light`: pictures cropped and mirrored at random while training; auto: those in colour",
        "crops and flips: He and others 2016",
        words=("auto", "none", "light"),
        only=Modality.IMAGE,
    )
}
"""Of methods that train a whole model on labelled pictures."""
ADAPTING: Table = {
    "kind": Param(
        "lora", "`lora`: low-rank weights beside each layer (Hu 2021); `ia3`: scales (Liu 2022)", words=("lora", "ia3")
    ),
    "rank": Param(16, "rank r of the added weights", "LoRA without regret: Schulman and others 2025", low=1, high=4096),
    "alpha": Param(32, "they count alpha / r times", "Schulman and others 2025", low=1),
    "adapter_dropout": Param(0.0, "dropout before the added weights", "PEFT's own default", low=0, high=0.9),
    "targets": Param(
        "all-linear",
        "layers that get them: every linear one, or those that PEFT knows for the architecture",
        "Schulman and others 2025",
        words=("all-linear", "architecture"),
    ),
    "rslora": Param(False, "alpha / sqrt(r) instead of alpha / r", "rank-stabilised LoRA: Kalajdzievski 2023"),
    "dora": Param(False, "learn length and direction of the weights apart", "DoRA: Liu and others 2024"),
    "parent_in": Param(
        "fp32",
        "how the frozen parent is held while training: `nf4` is 4 bits a weight (QLoRA), by bitsandbytes",
        "QLoRA: Dettmers and others 2023",
        words=("fp32", "nf4"),
        only=Modality.TEXT,
    ),
}
"""Of an adapter, beside what every supervised method knows."""
LANGUAGE: Table = {
    "objective": Param(
        "auto",
        "masked or causal language model, by what the source is, or contrast of sentences",
        "BERT 2019, GPT 2018, SimCSE 2021",
        ("auto", "masked", "causal", "simcse"),
        only=Modality.TEXT,
    ),
    "mask": Param(0.15, "share of tokens to guess", "Devlin and others 2019", low=0.01, high=0.9, only=Modality.TEXT),
    "packing": Param(
        "auto",
        "texts one after another, cut every max_length tokens; auto: for causal models",
        "GPT-2's own training",
        words=("auto", True, False),
        only=Modality.TEXT,
    ),
    "simcse_temperature": Param(0.05, "of contrasts", "Gao and others 2021", low=0.001, high=10, only=Modality.TEXT),
    "pooling": Param(
        "mean",
        "what embeds a text in simcse: the mean of its tokens, or the first",
        words=("mean", "first"),
        only=Modality.TEXT,
    ),
}
"""Of methods that learn from bare text."""
METHOD_PARAMS: Mapping[Method, Table] = {
    Method.PRETRAINING: SUPERVISED | AUGMENTING,
    Method.FEATURE_EXTRACTION: SUPERVISED
    | {
        "layer": Param(
            "last",
            "where features are taken: last, mean (of all blocks), or a layer's name",
            "layer mean: Garbas 2024",
        ),
        "export": Param("none", "write the features as a dataset instead of a head", words=("none", "npz", "parquet")),
        "preset": Param("none", "`few_shot`: a ridge on 10 rows of each class, 5 draws", words=("none", "few_shot")),
        "repeats": Param(1, "seeds that the head is learnt with; metrics come as mean and interval", low=1, high=100),
    },
    Method.DOMAIN_ADAPTATION: SUPERVISED
    | {
        "align": Param(
            "coral",
            "what makes the domains alike: covariances, MMD, a confused discriminator, or BatchNorm statistics",
            "Deep CORAL 2016, DAN 2015, DANN 2016, AdaBN 2016",
            ("coral", "mmd", "dann", "adabn"),
        ),
        "align_weight": Param(1.0, "weight of that beside the labels' loss", "1 as in Deep CORAL and DANN", low=0),
        "source_only": Param(
            True, "train without alignment too: metrics `source_only_…`, and a note where adaptation ends below them"
        ),
    },
    Method.CONTINUED_PRETRAINING: TRAINING
    | {
        "patience": SUPERVISED["patience"],
        "temperature": Param(
            0.1, "of contrasts", "SimCLR: Chen and others 2020", low=0.001, high=10, only=Modality.IMAGE
        ),
    }
    | LANGUAGE,
    Method.MULTI_TASK: SUPERVISED
    | {
        "weighting": Param(
            "fixed",
            "losses weighted by `weights`, or by an uncertainty learnt for each task",
            "uncertainty: Kendall and others 2018",
            ("fixed", "uncertainty"),
        ),
        "weights": Param(1.0, "weight of each task's loss, by its name", low=0, each=True),
    },
    Method.DISTILLATION: SUPERVISED
    | {
        "student": Param(
            "pretrained", "the source's weights, or its architecture alone", words=("pretrained", "fresh")
        ),
        "alpha": Param(0.9, "share of the teachers' answers in the loss; the labels have the rest", low=0, high=1),
        "temperature": Param(4.0, "softens the answers of both", "Hinton and others 2015: 2 to 20", low=0.1, high=100),
    },
    Method.MERGE: {
        "kind": Param(
            "linear",
            "an average, the arc between two, or what each added to a base",
            "model soups 2022, Shoemake 1985, Ilharco 2023, Yadav 2023",
            ("linear", "slerp", "task_arithmetic", "ties"),
        ),
        "weights": Param(1.0, "one for each source; linear takes shares of their sum", each=True),
        "share": Param(0.5, "slerp: how far from the first source to the second", low=0, high=1),
        "scale": Param(1.0, "task_arithmetic, ties: factor on what is added", "Ilharco 2023: tuned; TIES: 1", low=0),
        "density": Param(0.2, "ties: share of each difference that stays", "Yadav 2023: 20 %", low=1e-6, high=1),
    },
    Method.QUANTIZATION: {
        "bits": Param(8, "whole bits of each weight", words=(8, 4)),
        "group": Param(64, "4 bits: weights that share one scale", "GPTQ and torchao use 32 to 128", low=8, high=1024),
        "most_lost": Param(
            0.0,
            "most that the first metric may lose against the source on test data; else the step fails; 0: any",
            low=0,
        ),
    },
    Method.EMBEDDING_INITIALISATION: SUPERVISED
    | {
        "embeddings": Param(
            "trained",
            "`frozen`: the vectors stay as they came; `trained`: they learn along with the head",
            "static and non-static: Kim 2014",
            ("frozen", "trained"),
        ),
        "vocabulary": Param(
            "data", "words of the table: the training data's, or `all` of the source's too", words=("data", "all")
        ),
        "min_count": Param(1, "times that a word comes in the training data to get a row", low=1),
    },
    Method.FINE_TUNING: SUPERVISED
    | AUGMENTING
    | {
        "lp_ft": Param(False, "a linear probe first, whose head training goes on from", "LP-FT: Kumar and others 2022"),
        "unfreeze": Param(
            "all",
            "`gradual`: the head first, then ever more layers",
            "ULMFiT: Howard and Ruder 2018",
            ("all", "gradual"),
        ),
        "l2_sp": Param(0.0, "pull towards the parent's weights, alpha", "L2-SP: Li and others 2018 (0.1)", low=0),
        "l2_sp_head": Param(0.01, "decay of the new head beside l2_sp, beta", "L2-SP: Li and others 2018", low=0),
        "mixup": Param(
            0.0, "alpha of the Beta that mixes pairs of items; 0: none", "BiT: 0.1 from 20k", low=0, high=10
        ),
        "wise_ft": Param(
            1.0,
            "share of the tuned weights in their average with the start",
            "WiSE-FT: Wortsman 2022 (0.5)",
            low=0,
            high=1,
        ),
        "preset": Param(
            "none",
            "`bit_hyperrule`: rate, steps, batch and MixUp by the rule",
            "Kolesnikov 2020",
            ("none", "bit_hyperrule"),
        ),
    },
    Method.ADAPTER: SUPERVISED | ADAPTING | LANGUAGE,
}


def params_of(method: Method, modality: Modality | None = None) -> Table:
    """Every parameter that recipes of `method` know, for models of `modality` or of any."""
    known = METHOD_PARAMS.get(method, {})
    return {name: one for name, one in known.items() if modality is None or one.only in {None, modality}}


def value_of(recipe: Recipe, name: str) -> object:
    """The value of the parameter `name` in `recipe`, else its default. Raises: KeyError for one of another method."""
    return recipe.params[name] if name in recipe.params else params_of(recipe.method)[name].default


def number_of(recipe: Recipe, name: str) -> float:
    """`value_of` as a number."""
    return float(str(value_of(recipe, name)))


def whole_of(recipe: Recipe, name: str) -> int:
    """`value_of` as a whole number."""
    return int(str(value_of(recipe, name)))


def problems(params: Mapping[str, object], table: Table) -> Iterator[tuple[str, str]]:
    """What is wrong: (name, sentence)."""
    for name, value in params.items():
        if name not in table:
            yield name, _unknown(name, table)
        elif found := table[name].problem(value):
            yield name, f"params.{name}: {found}"


def _unknown(name: str, table: Table) -> str:
    """That no such parameter can be given: it is another's, or has another name or place."""
    place = PLACES.get(name, f"params.{name}")
    if not place.startswith("params."):
        return f"there is no parameter params.{name}: {place} is meant by it, outside params"
    own = place.removeprefix("params.")
    if own in table:
        return f"there is no parameter params.{name}, did you mean {own!r}?"
    others = [method for method, known in METHOD_PARAMS.items() if own in known]
    if others and nearest(name, table) is None:
        return f"there is no parameter {own} for this method and kind of data, only for {', '.join(others)}"
    return f"there is no parameter params.{name[:80]}{did_you_mean(name, table)}"


def _listed(words: tuple[str | int | bool, ...]) -> str:
    names = [str(word).lower() if isinstance(word, bool) else str(word) for word in words]
    return f"{', '.join(names[:-1])} or {names[-1]}" if len(names) > 1 else names[0]
