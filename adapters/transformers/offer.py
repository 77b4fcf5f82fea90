"""What this adapter offers, readable without importing its library."""

from __future__ import annotations

from dataclasses import replace

from adapters.loop.tasks.metrics import OFFERED
from registry.domain.catalog.models import Modality
from registry.domain.recipes.params import METHOD_PARAMS
from registry.domain.recipes.recipe import WHOLE_TEXT, Method
from registry.ports.transfers import AdapterOffer

PREFIX = "peft:"
"""How the architecture of a PEFT adapter begins; what follows is the class of transformers under it."""

OFFER = AdapterOffer(
    name="transformers",
    modalities=frozenset({Modality.TEXT}),
    methods=frozenset(
        {
            Method.PRETRAINING,
            Method.FEATURE_EXTRACTION,
            Method.FINE_TUNING,
            Method.ADAPTER,
            Method.CONTINUED_PRETRAINING,
            Method.DOMAIN_ADAPTATION,
            Method.MULTI_TASK,
            Method.DISTILLATION,
            Method.MERGE,
            Method.QUANTIZATION,
        }
    ),
    metrics=OFFERED,
    params={
        Method.FEATURE_EXTRACTION: {
            # The mean of all blocks beats the pooler on each of our own sets by 7 to 13 points of accuracy, and the
            # last block by 1 to 3: the part `features` of `benchmarks.defaults`. So did Garbas and others (2024).
            "layer": replace(METHOD_PARAMS[Method.FEATURE_EXTRACTION]["layer"], default="mean")
        }
    },
    max_length=WHOLE_TEXT,  # then the tokenizer, the positions of the model or the longest text decide
    preferred_for=frozenset({Modality.TEXT}),
    loading_with_parent={
        PREFIX: 'PeftModel.from_pretrained(transformers.{kind}.from_pretrained("{base}", '
        'config=transformers.AutoConfig.from_pretrained("."), ignore_mismatched_sizes=True), ".")'
    },
)
