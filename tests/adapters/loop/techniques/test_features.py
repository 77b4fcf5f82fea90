"""The feature cache returns what was stored, or None."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest

from adapters.loop.techniques.features import FeatureCache, FeatureKey

KEY = FeatureKey("sha256:a", "sha256:b", "train", "sha256:c", "pooled", "torch 2, cpu, fp32, 1 threads")
FOUND = np.arange(12, dtype=np.float32).reshape(4, 3)


def put(cache: FeatureCache, key: FeatureKey = KEY) -> None:
    with cache.writing(key, 4, 3) as array:
        array[:] = FOUND


def test_features_come_back_bit_for_bit(tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path)
    assert cache.load(KEY) is None
    put(cache)
    found = cache.load(KEY)
    assert found is not None
    assert np.array_equal(found, FOUND)


@pytest.mark.parametrize("part", [field.name for field in fields(FeatureKey)])
def test_every_part_of_the_key_counts(tmp_path: Path, part: str) -> None:
    cache = FeatureCache(tmp_path)
    put(cache)
    assert cache.load(replace(KEY, **{part: "else"})) is None


@pytest.mark.parametrize("name", ["features.npy", "entry.json"])
@pytest.mark.parametrize("harm", ["flip", "cut", "gone"])
def test_a_damaged_entry_is_dropped_and_can_be_made_again(tmp_path: Path, name: str, harm: str) -> None:
    cache = FeatureCache(tmp_path)
    put(cache)
    (path,) = tmp_path.rglob(name)
    data = bytearray(path.read_bytes())
    data[-2] ^= 1
    if harm == "gone":
        path.unlink()
    else:
        path.write_bytes(data if harm == "flip" else data[:-5])
    assert cache.load(KEY) is None
    put(cache)
    found = cache.load(KEY)
    assert found is not None
    assert np.array_equal(found, FOUND)


def test_a_failed_extraction_leaves_nothing(tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path)

    def fail() -> None:
        with cache.writing(KEY, 4, 3) as array:
            array[:2] = FOUND[:2]
            raise RuntimeError("power")

    with pytest.raises(RuntimeError, match="power"):
        fail()
    assert cache.load(KEY) is None
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_two_steps_that_extract_at_once_do_no_harm(tmp_path: Path) -> None:
    together = Barrier(4)

    def extract(_: int) -> None:
        with FeatureCache(tmp_path).writing(KEY, 4, 3) as array:
            array[:] = FOUND
            together.wait()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(extract, range(4)))
    found = FeatureCache(tmp_path).load(KEY)
    assert found is not None
    assert np.array_equal(found, FOUND)
    assert len(list(tmp_path.rglob("features.npy"))) == 1
