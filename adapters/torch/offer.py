"""What this adapter offers, readable without importing its library."""

from __future__ import annotations

from adapters.loop.tasks.metrics import OFFERED
from registry.domain.catalog.models import Modality
from registry.domain.recipes.recipe import Method
from registry.ports.transfers import AdapterOffer

OFFER = AdapterOffer(
    name="torch",
    modalities=frozenset({Modality.IMAGE}),
    methods=frozenset(
        {
            Method.PRETRAINING,
            Method.FEATURE_EXTRACTION,
            Method.FINE_TUNING,
            Method.DOMAIN_ADAPTATION,
            Method.CONTINUED_PRETRAINING,
            Method.MULTI_TASK,
            Method.DISTILLATION,
            Method.MERGE,
            Method.QUANTIZATION,
        }
    ),
    metrics=OFFERED,
    preferred_for=frozenset({Modality.IMAGE}),
)
