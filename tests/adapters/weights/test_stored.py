"""Stored weights as tensors to compare: of one file or several, plain or packed into few bits."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_torch

from adapters.torch.definitions.few_bits import weight
from adapters.weights.stored import SafetensorsWeights
from lineage.kinship.tensors import decode
from registry.errors import BadArtifactError


def test_every_file_of_a_model_is_read_and_tensors_below_it_keep_their_folder(tmp_path: Path) -> None:
    first, second = np.arange(6, dtype=np.float32).reshape(2, 3), np.ones(4, np.float16)
    (tmp_path / "tower").mkdir()
    save_file({"weight": first}, tmp_path / "model.safetensors")
    save_file({"weight": second}, tmp_path / "tower" / "model.safetensors")
    found = SafetensorsWeights().open(tmp_path)
    assert {name: (info.dtype, info.shape) for name, info in found.tensors.items()} == {
        "weight": ("F32", (2, 3)),
        "tower/weight": ("F16", (4,)),
    }
    assert np.array_equal(found.raw("weight"), first.reshape(-1))
    assert np.array_equal(found.raw("tower/weight"), second)


def test_bf16_is_read_as_torch_wrote_it(tmp_path: Path) -> None:
    values = torch.randn(5, 7, generator=torch.Generator().manual_seed(0)).to(torch.bfloat16)
    save_torch({"weight": values}, tmp_path / "model.safetensors")
    raw = SafetensorsWeights().open(tmp_path).raw("weight")
    assert np.array_equal(decode(raw, "BF16"), values.float().numpy().reshape(-1))


@pytest.mark.parametrize(("bits", "shape"), [(8, [6, 10]), (4, [3, 70]), (4, [2, 3, 5, 5])])
def test_packed_weights_stand_for_the_numbers_that_their_definition_restores(
    bits: int, shape: list[int], tmp_path: Path
) -> None:
    draws, group = torch.Generator().manual_seed(bits), 64
    length = int(np.prod(shape[1:]))
    if bits == 8:
        codes = torch.randint(-127, 128, (shape[0], length), generator=draws, dtype=torch.int8)
        scale = torch.rand(shape[0], 1, generator=draws)
    else:
        width = min(group, length)
        padded = length + (-length % width)
        codes = torch.randint(0, 256, (-(-shape[0] * padded // 2),), generator=draws, dtype=torch.uint8)
        scale = torch.rand(shape[0], padded // width, generator=draws)
    save_torch({f"w.int{bits}": codes, "w.scale": scale}, tmp_path / "model.safetensors")
    settings = {"bits": bits, "group": group, "tensors": {"w": {"shape": shape, "dtype": "float32"}}}
    (tmp_path / "quantization.json").write_text(json.dumps(settings))
    found = SafetensorsWeights().open(tmp_path)
    assert {name: info.shape for name, info in found.tensors.items()} == {"w": tuple(shape)}
    expected = weight(codes, scale, shape, bits, group).numpy().reshape(-1)
    assert np.array_equal(found.raw("w"), expected)


@pytest.mark.parametrize(
    "packing",
    [
        "[",
        "[" * 100_000,
        "[]",
        '{"bits": 8}',
        '{"bits": 3, "group": 8, "tensors": {}}',
        '{"bits": 4, "group": 0, "tensors": {}}',
        '{"bits": 8, "tensors": {"w": 1}}',
        '{"bits": 8, "tensors": {"w": {"shape": ["2"]}}}',
        '{"bits": 8, "tensors": {"none": {"shape": [2, 3]}}}',
        '{"bits": 8, "tensors": {"w": {"shape": [5, 7]}}}',
    ],
)
def test_a_packing_that_somebody_else_wrote_is_a_bad_file_and_no_crash(tmp_path: Path, packing: str) -> None:
    save_file({"w.int8": np.ones(6, np.int8), "w.scale": np.ones(2, np.float32)}, tmp_path / "model.safetensors")
    (tmp_path / "quantization.json").write_text(packing)
    with pytest.raises(BadArtifactError, match=r"packed tensor|quantization\.json"):
        SafetensorsWeights().open(tmp_path).raw("w")
