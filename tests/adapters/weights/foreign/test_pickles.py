"""Pickled arrays: every protocol and layout of numpy's gives its arrays back, and nothing else gets through."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adapters.weights.foreign.pickles import read_arrays
from registry.errors import BadArtifactError, UnsafeArtifactError
from tests.adapters.files import Bomb


def pickled(folder: Path, value: object, protocol: int = 4) -> Path:
    file = folder / "w.pkl"
    file.write_bytes(pickle.dumps(value, protocol=protocol))
    return file


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_come_back_from_every_protocol(protocol: int, order: Any, tmp_path: Path) -> None:
    kernel = np.asarray(np.random.default_rng(1).normal(size=(3, 3, 2, 4)), np.float32, order=order)
    bias, steps = np.arange(4, dtype=">f8"), np.array(7, np.int64)
    found = read_arrays(pickled(tmp_path, {"conv": [kernel, bias], "deep": {"er": steps}}, protocol))
    assert found.keys() == {"conv/0", "conv/1", "deep/er"}
    assert found["conv/0"].dtype == np.float32
    for name, wanted in (("conv/0", kernel), ("conv/1", bias), ("deep/er", steps)):
        assert np.array_equal(found[name], wanted)
        assert found[name].shape == wanted.shape


def test_arrays_of_older_numpy_are_known_by_its_older_name(tmp_path: Path) -> None:
    content = pickle.dumps({"w": np.ones(3, np.float32)}, protocol=2)
    older = content.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    assert older != content
    (tmp_path / "w.pkl").write_bytes(older)
    assert read_arrays(tmp_path / "w.pkl")["w"].tolist() == [1, 1, 1]


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_pickle_that_runs_code_is_named_and_never_runs(protocol: int, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    file = pickled(tmp_path, {"w": np.ones(2), "x": Bomb(canary)}, protocol)
    with pytest.raises(UnsafeArtifactError, match=r"plain pickle, .* asks for posix\.system") as caught:
        read_arrays(file)
    assert caught.value.facts["asked_for"] == "posix.system"
    assert not canary.exists()


@pytest.mark.parametrize(
    ("value", "asked"),
    [
        (OrderedDict(w=np.ones(2)), "collections.OrderedDict"),
        ({"w": np.float32(1)}, "multiarray.scalar"),
        ({"w": Path("x")}, "pathlib"),
    ],
)
def test_whatever_is_no_array_is_refused_by_its_name(value: object, asked: str, tmp_path: Path) -> None:
    with pytest.raises(UnsafeArtifactError, match=asked):
        read_arrays(pickled(tmp_path, value))


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"w": np.array(["a", "b"], dtype=object)}, "not one of plain numbers"),
        ({"w": np.array(["a", "b"])}, "not one of plain numbers"),
        ({"w": np.zeros(2, [("a", "f4"), ("b", "f4")])}, "not one of plain numbers"),
        ({"w": np.ones(2), "epoch": 3}, "epoch holds more than arrays by name: int"),
        ({1: np.ones(2)}, "more than arrays by name: dict"),
        ([], "more than arrays by name: list"),
        ({}, "no arrays by name"),
    ],
)
def test_what_is_no_mapping_of_arrays_is_refused(value: object, told: str, tmp_path: Path) -> None:
    with pytest.raises(BadArtifactError, match=told):
        read_arrays(pickled(tmp_path, value))


def test_a_torn_pickle_is_damaged(tmp_path: Path) -> None:
    whole = pickle.dumps({"w": np.ones(100, np.float32)})
    for length in (2, 40, len(whole) // 2, len(whole) - 1):
        (tmp_path / "w.pkl").write_bytes(whole[:length])
        with pytest.raises(BadArtifactError):
            read_arrays(tmp_path / "w.pkl")


def test_bytes_that_are_fewer_than_the_shape_says_are_refused(tmp_path: Path) -> None:
    """Numpy's own reconstruction would read past the end of them in old versions; here they never reach it."""
    content = pickle.dumps({"w": np.ones(100, np.uint8)}, protocol=2)
    assert content.count(b"Kd\x85") == 1, "the shape (100,)"
    (tmp_path / "w.pkl").write_bytes(content.replace(b"Kd\x85", b"K\xff\x85"))
    with pytest.raises(BadArtifactError, match="100 bytes, which is not"):
        read_arrays(tmp_path / "w.pkl")


@pytest.mark.parametrize(
    "program",
    [
        b"cnumpy\ndtype\nq\x00}X\x01\x00\x00\x00aK\x01sb.",  # sets an attribute on what stands for a function
        b"cnumpy.core.multiarray\n_reconstruct\n(tR.",  # an array that never gets a state
        b"cnumpy.core.multiarray\n_reconstruct\n(tRN(NNNNtb.",
        b"cnumpy\nndarray\n(tR.",  # calls what is a word
        b"(cnumpy\ndtype\nX\x02\x00\x00\x00O8K\x00K\x01\x87R.",
    ],
)
def test_pickle_programs_that_numpy_never_writes_are_refused(program: bytes, tmp_path: Path) -> None:
    (tmp_path / "w.pkl").write_bytes(b"\x80\x02" + program)
    with pytest.raises(BadArtifactError):
        read_arrays(tmp_path / "w.pkl")
