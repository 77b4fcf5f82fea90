"""Metrics by name, as far as more than one room must know them."""

from __future__ import annotations

LESS_IS_BETTER = frozenset({"loss", "mae", "mse", "rmse", "perplexity", "alignment", "uniformity"})
"""Of all other metrics, more is better."""
