"""Configs of transformers with small numbers, made from the defaults of each model type: for random models of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SIDE = 64
SPREAD = {"initializer_range": 0.2, "initializer_factor": 5.0}
"""Larger random weights than usual: else the features of all pictures are alike to a few digits."""


class NotTriedError(Exception):
    """The tiny model of a family cannot be made here, which says nothing about the family."""


SMALL = {
    "decoder_attention_heads": 2,
    "decoder_ffn_dim": 64,
    "decoder_hidden_size": 32,
    "decoder_intermediate_size": 64,
    "decoder_layers": 1,
    "decoder_num_attention_heads": 2,
    "decoder_num_hidden_layers": 1,
    "d_model": 32,
    "depth_coefficient": 0.1,
    "depth_multiplier": 0.25,
    "dim": 32,
    "embed_dim": 16,
    "encoder_attention_heads": 2,
    "encoder_ffn_dim": 64,
    "encoder_layers": 2,
    "ffn_dim": 64,
    "hidden_dim": 32,
    "hidden_size": 32,
    "image_size": SIDE,
    "intermediate_size": 64,
    "max_position_embeddings": 64,
    "mlp_dim": 64,
    "num_attention_heads": 2,
    "num_heads": 2,
    "num_hidden_layers": 2,
    "num_layers": 2,
    "projection_dim": 16,
    "vocab_size": 99,
    "width_coefficient": 0.1,
}
"""The largest value of each setting, wherever a config has it and its default is above."""
SHORT = frozenset({"depths", "layers", "num_blocks"})
"""Lists of how many blocks a stage has: one in each."""
WIDTHS = frozenset({"hidden_sizes", "embed_dims", "hidden_dims"})
"""Lists of how wide the stages are: 16, 32, 48, …"""


def tiny_config(kind: str, changes: Mapping[str, Any] | None = None) -> Any:
    """A config of the model type `kind` whose random model is small; `changes` are settings of this type alone."""
    import transformers

    config_class = transformers.CONFIG_MAPPING[kind]
    return config_class(**_small(config_class().to_dict()) | dict(changes or {}))


def _small(settings: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, dict) and name.endswith("config"):
            found[name] = _small(value) | {key: value[key] for key in ("model_type",) if key in value}
        elif name in SPREAD:
            found[name] = SPREAD[name]
        elif name in SMALL and isinstance(value, int | float) and not isinstance(value, bool):
            found[name] = min(value, SMALL[name])
        elif name in SHORT and isinstance(value, list | tuple):
            found[name] = [1] * len(value)
        elif name in WIDTHS and isinstance(value, list | tuple):
            found[name] = [16 * (stage + 1) for stage in range(len(value))]
    return found
