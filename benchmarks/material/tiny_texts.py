"""A tiny model with random weights for each text family of the installed transformers, made from its own config.

The sizes of a config are found by their names and made small. `EXACT` holds what some families need beside that, such
as head counts that must agree. A family is a model type with a class for sequence or token classification, or one whose
base model reads nothing but tokens and has a class for masked words, for the next word or for translation.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from functools import cache, reduce
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import CONFIG_MAPPING
from transformers.models.auto import modeling_auto as auto
from transformers.models.auto.tokenization_auto import MODELS_WITH_INCORRECT_HUB_TOKENIZER_CLASS

from lineage import Digest
from registry.ports.transfers import ModelInput

LAYERS, POSITIONS, PADDING, START, END = 2, 64, 0, 2, 3
"""Layers of each model, its positions, and the numbers of its tokens for padding, start and end of a text."""
SIZES = (
    (r"(?!.*(type|age|xpath|tag|unit)).*vocab(ulary)?_size.*", None),  # the tokenizer's own
    (r".*(layers|n_layer|num_hidden_groups|num_blocks)", LAYERS),
    (r".*(key_value_heads|kv_heads|num_key_value|kv_groups)", 2),
    (r"((num|n)_.*heads?|n_heads?|.*attention_heads|.*num_heads)", 4),
    (r".*(experts_per_tok(en)?|top_?k|moe_k)", 2),
    (r"(num|n)_.*experts", 4),
    (r"(n_group|topk_group|num_expert_group)", 1),
    (r".*rank", 8),
    (r".*(head_dim|head_size|d_kv|kv_channels|rotary_dim|d_head)", 8),
    (r".*(intermediate|ffn|ff_dim|d_ff|inner|mlp_dim|hidden_dim|ffw).*", 48),
    (r".*(embedding_size|hidden_size|d_model|n_embd|embed_dim|emb_dim|model_dim|width|pooler_.*size).*|dim", 32),
    (r".*(max_.*position|n_positions|max_seq|max_source|n_ctx).*", POSITIONS),
    (r".*(sliding_window|window_size|attention_window|chunk).*", 16),
    (r".*image_size", 32),
    (r".*patch_size", 8),
)
"""What the whole number under a key (a pattern) becomes at most; the first pattern that fits is used."""
PER_LAYER = re.compile(r"layer|mlp|pattern|attention|window|heads|types|block")
BOTH_KINDS = {"attn_layer_period": 2, "attn_layer_offset": 1}
HEADS = {"mamba_n_heads": 8, "mamba_d_head": 8}
EXACT: Mapping[str, Mapping[str, Any]] = {
    "bamba": HEADS | {"attn_layer_indices": [1]},
    "blt": {"global_config.hidden_size": 64},  # two of the encoder's: no layer between them
    "cohere_compass_text": {
        "rope_parameters": {
            "full_attention": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 1, 1]},
            "sliding_attention": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 1, 1]},
        }
    },
    "dbrx": {"attn_config.rope_theta": 1e4, "attn_config.clip_qkv": 8},
    "deepseek_v2": {"num_experts_per_tok": 2},
    "dots1": {"n_routed_experts": 4, "n_shared_experts": 1, "num_experts_per_tok": 2},
    "dots3_note_text": {"per_layer_config": {}, "head_dim": 16, "num_key_value_heads": 4},
    "esmc": {"num_key_value_heads": 4},
    "gemma3n_text": {
        "num_kv_shared_layers": 0, "intermediate_size": [48, 48], "activation_sparsity_pattern": [0.95, 0.0],
    },
    "gemma4_text": {"per_layer_config": {}},
    "gemma4_unified_text": {"per_layer_config": {}},
    "granitemoehybrid": HEADS | {"layer_types": ["linear_attention", "full_attention"]},
    "hrm_text": {"num_layers_per_stack": 1, "num_hidden_layers": 8},
    "jamba": BOTH_KINDS,
    "layoutlmv3": {"coordinate_size": 6, "shape_size": 4},  # four and two of them make the hidden size
    "lfm2_moe": {"layer_types": ["conv", "full_attention"]},
    "lilt": {"hidden_size": 48},  # divisible by six
    "mamba2": {"num_heads": 8, "n_groups": 1},
    "markuplm": {"max_depth": 4, "xpath_unit_hidden_size": 8},
    "mistral4": {"head_dim": 16, "qk_head_dim": 16},
    "mobilebert": {"intra_bottleneck_size": 32, "true_hidden_size": 32, "embedding_size": 32},
    "nemotron_h": {"mamba_num_heads": 8, "mamba_head_dim": 8, "n_groups": 1},
    "nemotron": {"num_key_value_heads": 2},
    "perceiver": {"num_self_attends_per_block": 2, "d_latents": 32, "num_latents": 8},
    "qwen4_exp_text": {
        "indexer_n_heads": 2, "indexer_kv_heads": 1, "indexer_head_dim": 8, "indexer_budget": 4,
        "indexer_compress_ratio": 2,
    },
    "reformer": {
        "axial_pos_shape": (8, 8), "axial_pos_embds_dim": (16, 16), "local_attn_chunk_length": 8,
        "lsh_attn_chunk_length": 8,
    },
    "xmod": {"default_language": "en_XX"},
    "xlstm": {"embedding_dim": 32},
    "zamba": {
        "attention_hidden_size": 64, "attention_head_dim": 16, "num_hidden_layers": 4,
        "layers_block_type": ["linear_attention", "hybrid"] * 2,
    },
    "zamba2": {"layers_block_type": ["linear_attention", "hybrid"], "hybrid_layer_ids": [1], "mamba_headdim": 16,
               "attention_hidden_size": 64, "attention_head_dim": 16},
}  # fmt: skip
"""What else a family needs."""
MUSIC = frozenset({"musicgen", "musicgen_melody"})
"""Write music: their tokens are sounds."""
OF_OTHER_INPUTS = frozenset({"pixel_values", "input_features", "input_values", "bbox", "audio_values", "image"})


@cache
def families() -> tuple[str, ...]:
    """Every text family of the installed transformers, by the name of its model type."""
    heads = {*auto.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES, *auto.MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING_NAMES}
    words = {
        *auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES,
        *auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
        *auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
    }
    return tuple(sorted(heads | {name for name in words - heads - MUSIC if _reads_tokens_only(name)}))


def _reads_tokens_only(family: str) -> bool:
    name = auto.MODEL_MAPPING_NAMES.get(family)
    kind = getattr(transformers, name if isinstance(name, str) else name[0]) if name else None
    if kind is None or getattr(kind, "main_input_name", None) != "input_ids":
        return False
    return not OF_OTHER_INPUTS & inspect.signature(kind.forward).parameters.keys()


def tiny_config(family: str, words: int) -> Any:
    """The config of `family` with every size made small, for a tokenizer of `words` tokens."""
    config = CONFIG_MAPPING[family]()
    _shrink(config, words)
    for key, value in EXACT.get(family, {}).items():
        *parts, last = key.split(".")
        setattr(reduce(getattr, parts, config), last, value)
    return config


def _shrink(config: Any, words: int) -> None:
    for key, value in list(vars(config).items()):
        if isinstance(value, transformers.PretrainedConfig):
            _shrink(value, words)
        elif type(value) is int and (most := _most(key, words)) is not None:
            setattr(config, key, min(value, most))
        elif value is None and key in {"vocab_size", "head_dim"}:
            setattr(config, key, _most(key, words))
    if getattr(config, "qk_head_dim", None) and hasattr(config, "qk_nope_head_dim"):
        config.qk_head_dim = config.qk_nope_head_dim + config.qk_rope_head_dim
    heads = vars(config).get("num_attention_heads")  # where layers differ, as in dots3, an attribute has no one value
    if heads and vars(config).get("kv_lora_rank"):  # attention over latent keys: as many heads for keys as for queries
        config.num_key_value_heads = heads
    for key, number in {"pad_token_id": PADDING, "bos_token_id": START, "eos_token_id": END}.items():
        setattr(config, key, number)
    if getattr(config, "is_encoder_decoder", False):
        config.decoder_start_token_id = PADDING
    layers = getattr(config, "num_hidden_layers", None)
    for key, value in list(vars(config).items()):
        if isinstance(value, list | tuple) and layers and len(value) > layers and PER_LAYER.search(key):
            other = next((one for one in value if one != value[0]), value[-1])
            setattr(config, key, [*value[: layers - 1], other])


def _most(key: str, words: int) -> int | None:
    if key.endswith(("_id", "_index")) or key.startswith("_"):
        return None
    for pattern, most in SIZES:
        if re.fullmatch(pattern, key):
            return words if most is None else most
    return None


PADDED = frozenset({"modernbert-decoder"})
"""Decoders whose config must name a padding token."""
DECODER_TOKENS: Mapping[str, str | None] = {"pad_token": None, "eos_token": "[SEP]", "bos_token": "[CLS]"}
"""Decoders' tokenizers have no padding token, as GPT-2's and Llama's."""


def save_source(folder: Path, family: str, words: list[str]) -> ModelInput:
    """Write a tiny model of `family` with random weights and a tokenizer of `words` into `folder`."""
    decoder, spelled = is_decoder(family), family in MODELS_WITH_INCORRECT_HUB_TOKENIZER_CLASS
    config = tiny_config(family, save_tokenizer(folder, words, decoder=decoder, spelled=spelled))
    if decoder and family not in PADDED:
        for part in {id(one): one for one in (config, config.get_text_config())}.values():
            part.pad_token_id = None
    torch.manual_seed(0)
    model = _base_class(family).from_config(config)
    for _, tensor in model.named_parameters():  # wider than usual, or every text gets the same answer
        if tensor.dim() > 1:
            torch.nn.init.normal_(tensor, std=0.2)
    for part in model.modules():
        if isinstance(part, torch.nn.Embedding) and part.padding_idx is not None:
            torch.nn.init.zeros_(part.weight[part.padding_idx])
    model.save_pretrained(folder)
    name = type(model).__name__
    return ModelInput(folder, Digest.of(family.encode()), "source", f"transformers:{name}", f"bench/{family}/1")


def _base_class(family: str) -> Any:
    """What people publish: the base model; the head for tokens where transformers has no single base class (Funnel)."""
    base = isinstance(auto.MODEL_MAPPING_NAMES.get(family), str)
    return transformers.AutoModel if base else transformers.AutoModelForTokenClassification


def is_decoder(family: str) -> bool:
    """True for a family that predicts the next word and no masked ones."""
    return family in auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES and family not in (
        auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES.keys() | auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES.keys()
    )


def save_tokenizer(folder: Path, words: list[str], *, decoder: bool, spelled: bool) -> int:
    """Write a tokenizer of whole words; returns the number of its tokens."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    if spelled:  # by bytes: transformers builds its own class for this family, which knows no whole words
        words = sorted(pre_tokenizers.ByteLevel.alphabet())
    known = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words, "[MASK]"]
    numbers = {word: n for n, word in enumerate(known)}
    tokenizer = Tokenizer(models.BPE(numbers, []) if spelled else models.WordLevel(numbers, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel() if spelled else pre_tokenizers.Whitespace()
    special: dict[str, str | None] = {"unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    special["mask_token"] = "[MASK]"
    if not decoder:
        tokenizer.post_processor = processors.BertProcessing(("[SEP]", END), ("[CLS]", START))
    special.update(DECODER_TOKENS if decoder else {"pad_token": "[PAD]", "eos_token": "[SEP]"})
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(folder)
    return len(known)
