"""Holding a frozen parent in 4 bits a weight while an adapter is trained (QLoRA: Dettmers and others 2023).

Linear layers are stored as 4-bit normal floats, with scales that are quantised too, and computed in bf16 on a GPU that
has it, else in single precision. The head stays as it is. bitsandbytes does the work, where it can be imported.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers

from registry.domain.recipes.params import value_of
from registry.domain.recipes.recipe import Method, Recipe
from registry.errors import MissingExtraError

NOTE = (
    "trained and measured with the parent in 4 bits (nf4): with the parent in full precision, which PEFT loads by "
    "itself, some answers may differ; transformers.BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type='nf4', "
    "bnb_4bit_use_double_quant=True) as quantization_config of the parent gives the recorded ones"
)
ON_CPU = "there is no GPU here, so the 4 bits were computed on the CPU, which saves memory and no time"


def notes() -> tuple[str, ...]:
    """What the record of such a step says."""
    return (NOTE,) if torch.cuda.is_available() else (NOTE, ON_CPU)


def wants_four_bits(recipe: Recipe) -> bool:
    """True for an adapter whose parent is to be held in 4 bits."""
    return recipe.method is Method.ADAPTER and recipe.epochs > 0 and value_of(recipe, "parent_in") == "nf4"


def four_bits(folder: Path, auto: Any) -> dict[str, Any]:
    """What `auto.from_pretrained` needs to load `folder` in 4 bits. Raises: MissingExtraError without bitsandbytes."""
    try:
        import bitsandbytes  # noqa: F401, PLC0415 -- an extra that few transfers need
    except (ImportError, OSError, RuntimeError) as error:
        raise MissingExtraError(
            f"'params.parent_in: nf4' needs bitsandbytes, which cannot be imported: {error}",
            remedy="Run: pip install bitsandbytes; or leave parent_in out: the parent is then held in full precision",
        ) from error
    config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True)
    with torch.device("meta"):
        empty = auto.from_config(config)
    head = [name for name, part in empty.named_children() if part is not empty.base_model]
    able = torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
    settings = transformers.BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16 if able else torch.float32,
        llm_int8_skip_modules=head,  # its name is older than 4 bits
    )
    return {"quantization_config": settings, "device_map": {"": "cpu"}}


def keep_packing(model: Any) -> None:
    """Keep the order of 4-bit weights.

    On a CPU with bf16 units, bitsandbytes (0.50) changes it at the first inference, and cannot train after that.
    """
    for part in model.modules():
        if hasattr(part, "support_avx512bf16_for_cpu"):
            part.support_avx512bf16_for_cpu = False
