"""The recipes that `benchmarks.methods` runs, in order: a modest one of each method, on what is at hand."""

from __future__ import annotations

import re
from dataclasses import dataclass

PIXELS = "image_size: 32\nepochs: 8\n"
"""Pictures this small are enough for digits, and cost a fiftieth of the backbones' own 224."""
LITE0, MINILM = "source: models:/library/lite0/1\n", "source: models:/library/minilm-l6/1\nmax_length: 32\n"
DIGITS, NEWS = "data: {train: datasets:/data/digits/1}\n", "data: {train: datasets:/data/news/1}\n"
TESTED = "data: {test: datasets:/data/digits/1}\nimage_size: 32\n"
ACROSS = """\
data:
  train: datasets:/data/mnist/1
  validation: datasets:/data/mnist/1
  test: datasets:/data/digits/1
image_size: 32
epochs: 4
"""
DOMAINS = "data: {source-domain: datasets:/data/mnist/1, target-domain: datasets:/data/digits/1}\n"


@dataclass(frozen=True)
class Entry:
    """One step: `name` is its output, `shown` says from which source to which data, `body` is its recipe.

    `beside` is what the last column compares with: `peer` for scikit-learn on the raw rows, or the name of another
    entry, or nothing. `data` holds the test rows, and the training rows unless `learnt` says where these are; `tasks`
    names those of a step with several.
    """

    name: str
    shown: str
    body: str
    data: str = "digits"
    beside: str = "peer"
    metric: str = "accuracy"
    how: str = ""
    learnt: str = ""
    tasks: tuple[tuple[str, str], ...] = ()

    @property
    def method(self) -> str:
        found = re.search(r"^method: (\w+)$", self.body, re.MULTILINE)
        assert found is not None, self.name
        return found.group(1)

    @property
    def recipe(self) -> str:
        return f"schema: forebear/recipe/v1\noutput: methods/{self.name}\n{self.body}"

    @property
    def needs(self) -> set[str]:
        """The entries whose versions or values this one takes."""
        return {*re.findall(r"models:/methods/([\w-]+)/1", self.body)} | {self.beside} - {"peer", ""}


def _probe(source: str, data: str, rest: str) -> str:
    model, rows = f"models:/library/{source}/1", f"datasets:/data/{data}/1"
    return f"method: feature_extraction\nsource: {model}\ndata: {{train: {rows}}}\n{rest}"


IMAGES = (
    Entry("probe-lite0", "EfficientNet-Lite0 → MNIST", _probe("lite0", "mnist", "image_size: 64\n"), "mnist"),
    Entry("probe-squeezenet", "SqueezeNet → MNIST", _probe("squeezenet", "mnist", "image_size: 64\n"), "mnist"),
    Entry("probe-mobilenet", "MobileNetV2 → MNIST", _probe("mobilenet-v2", "mnist", "image_size: 64\n"), "mnist"),
    Entry("probe-vgg", "VGG16 to pool4 → digits", _probe("vgg16-pool4", "digits", "image_size: 32\n")),
    Entry(
        "few-shot",
        "EfficientNet-Lite0 → digits",
        _probe("lite0", "digits", "image_size: 64\nparams: {preset: few_shot}\n"),
        how="few_shot: ridge, 10 a class",
    ),
    Entry(
        "pairs",
        "EfficientNet-Lite0 → pairs of digits",
        _probe("lite0", "digit-pairs", "image_size: 64\n"),
        "digit-pairs",
        metric="macro_f1",
        how="several classes a row",
    ),
    Entry("tuned", "EfficientNet-Lite0 → digits", f"method: fine_tuning\n{LITE0}{DIGITS}{PIXELS}"),
    Entry(
        "lp-ft",
        "EfficientNet-Lite0 → digits",
        f"method: fine_tuning\n{LITE0}{DIGITS}{PIXELS}params: {{lp_ft: true}}\n",
        how="lp_ft",
    ),
    Entry(
        "lp-ft-again",
        "EfficientNet-Lite0 → digits",
        f"method: fine_tuning\n{LITE0}{DIGITS}{PIXELS}seed: 1\nparams: {{lp_ft: true}}\n",
        how="lp_ft, another seed",
    ),
    Entry(
        "soup",
        "both LP-FT → digits",
        f"method: merge\nsources: [models:/methods/lp-ft/1, models:/methods/lp-ft-again/1]\n{TESTED}",
        beside="lp-ft",
        how="linear",
    ),
    Entry(
        "int8",
        "LP-FT → digits",
        f"method: quantization\nsource: models:/methods/lp-ft/1\n{TESTED}params: {{bits: 8}}\n",
        beside="lp-ft",
        how="8 bits",
    ),
    Entry(
        "int4",
        "LP-FT → digits",
        f"method: quantization\nsource: models:/methods/lp-ft/1\n{TESTED}params: {{bits: 4}}\n",
        beside="lp-ft",
        how="4 bits",
    ),
    Entry(
        "student",
        "SqueezeNet, taught by LP-FT → digits",
        "method: distillation\nsources:\n  - models:/library/squeezenet/1\n"
        f"  - {{model: models:/methods/lp-ft/1, as: teacher}}\n{DIGITS}{PIXELS}",
        beside="lp-ft",
    ),
    Entry(
        "source-only",
        "EfficientNet-Lite0 on MNIST → digits",
        f"method: fine_tuning\n{LITE0}{ACROSS}",
        beside="",
        how="MNIST's labels alone",
        learnt="mnist",
    ),
    Entry(
        "coral",
        "EfficientNet-Lite0, MNIST to digits",
        f"method: domain_adaptation\n{LITE0}{DOMAINS}image_size: 32\nepochs: 4\n",
        beside="source-only",
        how="coral",
        learnt="mnist",
    ),
    Entry(
        "adabn",
        "EfficientNet-Lite0, MNIST to digits",
        f"method: domain_adaptation\n{LITE0}{DOMAINS}image_size: 32\nepochs: 4\nparams: {{align: adabn}}\n",
        beside="source-only",
        how="adabn",
        learnt="mnist",
    ),
    Entry(
        "stepwise",
        "the model tuned on MNIST → digits",
        f"method: fine_tuning\nsource: models:/methods/source-only/1\n{DIGITS}{PIXELS}",
        beside="tuned",
        how="in two steps",
    ),
    Entry(
        "two-tasks",
        "EfficientNet-Lite0 → digits, MNIST",
        f"method: multi_task\n{LITE0}data:\n"
        "  train.digits: datasets:/data/digits/1\n  train.mnist: datasets:/data/mnist/1\nimage_size: 32\nepochs: 4\n",
        tasks=(("digits", "digits"), ("mnist", "mnist")),
    ),
)
TEXTS = (
    Entry("news-probe", "MiniLM-L6 → openings of BBC News", f"method: feature_extraction\n{MINILM}{NEWS}", "news"),
    Entry("news-tuned", "MiniLM-L6 → openings of BBC News", f"method: fine_tuning\n{MINILM}{NEWS}", "news"),
    Entry("news-lora", "MiniLM-L6 → openings of BBC News", f"method: adapter\n{MINILM}{NEWS}", "news", how="LoRA"),
    Entry(
        "minilm-news",
        "MiniLM-L6 → openings of BBC News, no labels",
        f"method: continued_pretraining\n{MINILM}data: {{unlabelled: datasets:/data/news/1}}\n"
        "epochs: 1\nparams: {objective: simcse}\n",
        "news",
        metric="",
        how="simcse",
    ),
    Entry(
        "news-after",
        "the model above → openings of BBC News",
        f"method: feature_extraction\nsource: models:/methods/minilm-news/1\nmax_length: 32\n{NEWS}",
        "news",
        beside="news-probe",
        how="after continued pretraining",
    ),
    Entry(
        "news-vectors",
        "GloVe 50d → openings of BBC News",
        f"method: embedding_initialisation\nsource: models:/library/glove-50d/1\n{NEWS}max_length: 64\n",
        "news",
    ),
    Entry(
        "news-sif",
        "GloVe 50d → openings of BBC News",
        _probe("glove-50d", "news", "head: ridge\nmax_length: 64\n"),
        "news",
        how="sif, ridge",
    ),
    Entry("ratings", "MiniLM-L6 → ratings of films", _probe("minilm-l6", "ratings", "head: ridge\nmax_length: 32\n"),
          "ratings", metric="rmse", how="ridge"),
)  # fmt: skip
