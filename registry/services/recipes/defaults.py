"""The defaults of a recipe: one set for each method and modality, each with its source.

The same numbers, with their reasons, are in `docs/recipes.md`; a test holds the two together.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import LabelKind
from registry.domain.recipes.defaults import Defaults, Rates
from registry.domain.recipes.methods import TEST, VALIDATION, split_role
from registry.domain.recipes.recipe import Freeze, Head, Method, Schedule
from registry.ports.transfers import AdapterOffer

METRICS: Mapping[LabelKind, tuple[str, ...]] = {
    LabelKind.CLASS: ("accuracy", "macro_f1"),
    LabelKind.MANY: ("macro_f1", "micro_f1", "subset_accuracy"),
    LabelKind.NUMBER: ("rmse", "mae", "r2", "spearman"),
    LabelKind.TAGS: ("accuracy", "macro_f1"),
    LabelKind.NONE: ("loss",),
}
"""The default metrics by kind of label, as far as the adapter offers them; the first chooses the epoch."""
MAX_LENGTH = 128
"""What a record holds where the adapter names no length of its own: it has a meaning for texts alone."""
SPLITS = {VALIDATION: "validation", TEST: "test"}
"""The split that a role takes when none is named; what is learnt from takes `train`."""


PROBE = Defaults(
    # Measured on this project's own features (MNIST 5k through EfficientNet-Lite0, BBC News through MiniLM-L6; 100 to
    # 3,500 training rows, three seeds): within one point of the best of the grid lr 3e-4..1e-2, decay 1e-2 and 1.
    rates={"adamw": Rates(3e-3, 1.0), "sgd": Rates(1e-2, 1e-2)},
    epochs=30,
    batch_size=64,
    clip=0.0,  # a linear head on standardised features is a convex problem
    schedule=Schedule("cosine", 0.0),
    freeze=Freeze("backbone"),
)
IMAGE_TUNING = Defaults(
    # AdamW on pretrained vision backbones: 1e-5..1e-4, decay 0.05 (the fine-tuning scripts of MAE and BEiT). SGD: the
    # grid of the ViT paper (0.001..0.03, decay 0). A head ten times faster than the backbone: discriminative rates.
    rates={"adamw": Rates(1e-3, 0.05), "sgd": Rates(1e-2, 0.0)},
    epochs=5,
    batch_size=32,
    clip=1.0,
    schedule=Schedule("cosine", 0.1),
    freeze=Freeze("none"),
    head_start=10.0,
)
TEXT_TUNING = Defaults(
    # BERT's own ranges (2e-5..5e-5, batch 16 or 32, 2 to 4 epochs, decay 0.01, clip 1), the linear schedule of its
    # code with 10 % warm-up; the new head learns ten times faster than the encoder. 150 steps: the part `tuning` of
    # `benchmarks.defaults` (200 rows are 39 steps in 3 epochs, which lose 13.4 ± 2.8 points to 150 steps; its part
    # `rates`: 5e-5 loses 0.2 ± 0.5 points to the best of 2e-5, 5e-5 and 1e-4); Mosbach and others (2021) and Zhang and
    # others (2021) also find that small sets need more steps, not more epochs. The rates are those of an encoder of up
    # to 110 M weights in fp32; larger ones are tuned slower (RoBERTa-large: 1e-5..3e-5).
    rates={"adamw": Rates(5e-4, 0.01), "sgd": Rates(1e-2, 0.0)},
    epochs=3,
    batch_size=16,
    clip=1.0,
    schedule=Schedule("linear", 0.1),
    freeze=Freeze("none"),
    head_start=10.0,
    least_steps=150,
    weights=440e6,
)
ADAPTER_TUNING = Defaults(
    # Ten times the rate of full fine-tuning, for adapter and head alike (LoRA without regret: Schulman and others
    # 2025, who find that ratio over models and tasks); the rest is that of fine-tuning a text encoder.
    rates={"adamw": Rates(5e-4, 0.01), "sgd": Rates(1e-1, 0.0)},
    epochs=3,
    batch_size=16,
    clip=1.0,
    schedule=Schedule("linear", 0.1),
    freeze=Freeze("none"),
    least_steps=150,
    weights=440e6,
)
LANGUAGE_TUNING = Defaults(
    # The rate, decay and epochs of the Hub's example scripts for language models (run_mlm.py, run_clm.py), with the
    # warm-up that BERT needs; SimCSE's own is 3e-5. There is no new head that would have to learn faster.
    rates={"adamw": Rates(5e-5, 0.01), "sgd": Rates(1e-2, 0.0)},
    epochs=3,
    batch_size=16,
    clip=1.0,
    schedule=Schedule("linear", 0.1),
    freeze=Freeze("none"),
)


BIT_RULE: Sequence[tuple[float, int, float, tuple[float, float, float], float]] = (
    (20_000, 500, 0.2, (0.4, 0.6, 0.8), 0.0),
    (500_000, 10_000, 0.05, (0.3, 0.6, 0.9), 0.1),
    (math.inf, 20_000, 0.025, (0.3, 0.6, 0.9), 0.1),
)
"""Below so many rows: steps, warm-up and drops as shares of them, and MixUp (Kolesnikov and others 2020, BiT)."""
BIT_BATCH = 512


def bit_hyperrule(rows: int) -> tuple[Defaults, dict[str, object]]:
    """BiT-HyperRule for so many training rows: its defaults, and those of `params`.

    Its rule for the size of pictures is left to `image_size`: 128 for pictures below 96 x 96, else 480.
    """
    _, steps, warmup, drops, mixup = next(rule for rule in BIT_RULE if rows < rule[0])
    batch = min(BIT_BATCH, rows)
    tuning = Defaults(
        rates={"sgd": Rates(3e-3, 0.0), "adamw": Rates(1e-3, 0.05)},
        epochs=max(1, math.ceil(steps * batch / rows)),
        batch_size=batch,
        clip=0.0,
        schedule=Schedule("staircase", warmup, drops),
        freeze=Freeze("none"),
        optimizer="sgd",
    )
    return tuning, {"mixup": mixup}


FEW_SHOT: Mapping[str, object] = {"shots": 10, "repeats": 5}
"""The preset for small labelled sets: ten rows of each class, five draws; its head is a ridge."""


def probe_head(labels: LabelKind) -> Head:
    """The head of a linear probe, solved: of the solvers in the part `probe` of `benchmarks.defaults` the best."""
    return Head("ridge" if labels is LabelKind.NUMBER else "logistic")


def split_of(role: str) -> str:
    """The split that `role` takes when none is named."""
    return SPLITS.get(split_role(role)[0], "train")


def metrics_for(method: Method, labels: LabelKind) -> tuple[str, ...]:
    """The metrics of a recipe that names none."""
    return METRICS[LabelKind.NONE if method is Method.CONTINUED_PRETRAINING else labels]


def defaults_for(method: Method, modality: Modality, offer: AdapterOffer | None = None) -> Defaults:
    """The defaults of training: those of the adapter's `offer` for this method, else those of method and modality."""
    if offer is not None and method in offer.defaults:
        return offer.defaults[method]
    if method is Method.FEATURE_EXTRACTION:
        return PROBE
    if method is Method.ADAPTER:
        return ADAPTER_TUNING
    if method is Method.CONTINUED_PRETRAINING and modality is Modality.TEXT:
        return LANGUAGE_TUNING
    return TEXT_TUNING if modality is Modality.TEXT else IMAGE_TUNING
