"""What this adapter offers, readable without importing its library."""

from __future__ import annotations

from registry.domain.catalog import Modality
from registry.domain.transfers import Method
from registry.ports import AdapterOffer

OFFER = AdapterOffer(
    name="keras",
    modalities=frozenset({Modality.IMAGE}),
    methods=frozenset({Method.FEATURE_EXTRACTION, Method.FINE_TUNING}),
    metrics=frozenset({"accuracy", "balanced_accuracy", "macro_f1", "loss", "baseline_accuracy"}),
)
"""A test holds the metric names to those that the loop computes."""
