"""The strict reader of safetensors: what it takes, what it refuses and why, and copies that are bit-equal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from adapters.weights.safetensors_files import (
    Piece,
    copy_file,
    keep_file,
    looks_untrained,
    pieces_of,
    read_header,
    write_pieces,
)
from registry.errors import BadArtifactError, IntegrityError
from tests.adapters.files import TWO, header_of, safetensors


def changed(**values: Any) -> dict[str, Any]:
    header = header_of(TWO)
    header["a"] |= values
    return header


def test_a_sound_file_is_read_as_the_library_reads_it(tmp_path: Path) -> None:
    tensors = {"w": torch.arange(6, dtype=torch.float16).view(2, 3), "n": torch.tensor(7), "e": torch.empty(0, 4)}
    save_file(tensors, tmp_path / "x.safetensors", metadata={"format": "pt"})
    header = read_header(tmp_path / "x.safetensors")
    assert header.shapes == {"w": (2, 3), "n": (), "e": (0, 4)}
    assert header.metadata == {"format": "pt"}
    assert header.parameters == 7


BAD = {
    "a gap": changed(data_offsets=[4, 12]),
    "an overlap": {**header_of(TWO), "b": {"dtype": "U8", "shape": [3], "data_offsets": [7, 10]}},
    "a wrong size": changed(shape=[3]),
    "an unknown type": changed(dtype="F128"),
    "a negative shape": changed(shape=[-2]),
    "a shape that is true": changed(shape=[True, 2]),
    "offsets in words": changed(data_offsets=["0", "8"]),
    "three offsets": changed(data_offsets=[0, 8, 8]),
    "a key too many": changed(colour="red"),
    "an entry that is a list": {**header_of(TWO), "a": [1]},
    "metadata of numbers": {**header_of(TWO), "__metadata__": {"epoch": 3}},
    "no tensors": {},
    "a list for a header": b"[]",
    "no JSON": b"{'a'",
    "a key twice": b'{"a":%s,"a":%s}' % ((b'{"dtype":"U8","shape":[11],"data_offsets":[0,11]}',) * 2),
    "more elements than can be counted": changed(shape=[2**62, 8, 0], data_offsets=[0, 0]),
    "more bits than can be counted": changed(dtype="F64", shape=[2**61], data_offsets=[0, 0]),
    "half a surrogate pair in a name": {"\ud800": {"dtype": "U8", "shape": [11], "data_offsets": [0, 11]}},
    "half a surrogate pair in the metadata": {**header_of(TWO), "__metadata__": {"note": "\ud800"}},
    "an offset beyond all bounds": changed(shape=[2**62], data_offsets=[0, 2**64]),
}


@pytest.mark.parametrize("what", BAD)
def test_a_header_with_a_fault_is_refused_with_the_reason(what: str, tmp_path: Path) -> None:
    file = safetensors(tmp_path / "x.safetensors", header=BAD[what])
    with pytest.raises(BadArtifactError, match=r"'x\.safetensors' is not a valid safetensors file: .+"):
        read_header(file)


def test_a_file_cut_short_says_so(tmp_path: Path) -> None:
    file = safetensors(tmp_path / "x.safetensors")
    whole = file.read_bytes()
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        with pytest.raises(BadArtifactError, match="cut short"):
            read_header(file)


def test_bytes_after_the_last_tensor_are_refused(tmp_path: Path) -> None:
    """A zip archive could hang there, and a file be two things at once."""
    with pytest.raises(BadArtifactError, match="4 bytes follow the last tensor"):
        read_header(safetensors(tmp_path / "x.safetensors", tail=b"PK\x05\x06"))


def test_a_huge_header_is_refused_unread(tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    with file.open("wb") as handle:
        handle.write((100_000_000).to_bytes(8, "little") + b"{")
        handle.truncate(100_000_100)  # sparse: it takes no disk and is not read
    with pytest.raises(BadArtifactError, match="larger than 33,554,432"):
        read_header(file)


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=80), at=st.integers(0, 200))
def test_whatever_bytes_come_only_a_bad_artifact_is_raised(
    data: bytes, at: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = safetensors(tmp_path_factory.mktemp("fuzz") / "x.safetensors")
    whole = file.read_bytes()
    file.write_bytes(whole[:at] + data + whole[at + len(data) :])
    try:
        header = read_header(file)
    except BadArtifactError:
        return
    with safe_open(file, "pt") as theirs:
        assert {name: tuple(theirs.get_tensor(name).shape) for name in theirs.keys()} == header.shapes  # noqa: SIM118


def test_the_library_refuses_the_same_headers_with_four_exceptions(tmp_path: Path) -> None:
    for what, header in BAD.items():
        file = safetensors(tmp_path / "x.safetensors", header=header)
        if what not in {"a key twice", "a key too many", "no tensors", "metadata of numbers"}:  # stricter here
            with pytest.raises((SafetensorError, ValueError)):
                load_file(file)


def test_tensors_may_change_their_names_and_nothing_else(tmp_path: Path) -> None:
    tensors = {"x": torch.randn(5, 3, dtype=torch.bfloat16), "y": torch.randn(1_300_000), "z": torch.tensor(True)}
    save_file(tensors, tmp_path / "in.safetensors")
    header = read_header(tmp_path / "in.safetensors")
    write_pieces(tmp_path / "out.safetensors", pieces_of(tmp_path / "in.safetensors", header, {"x": "ξ.weight"}))
    found = load_file(tmp_path / "out.safetensors")
    assert found.keys() == {"ξ.weight", "y", "z"}
    assert torch.equal(found["ξ.weight"], tensors["x"])
    assert torch.equal(found["y"], tensors["y"])
    assert found["z"].dtype is torch.bool


def test_the_same_tensors_in_another_order_give_the_same_bytes(tmp_path: Path) -> None:
    pieces = [_piece("a", b"12"), _piece("b", b"345"), Piece("c", "F64", (1,), lambda: iter([memoryview(bytes(8))]))]
    write_pieces(tmp_path / "one", pieces)
    write_pieces(tmp_path / "two", reversed(pieces))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert read_header(tmp_path / "one").entries[0].name == "c", "wide types first, so that all are aligned"


def test_a_tensor_that_reads_differently_the_second_time_is_noticed(tmp_path: Path) -> None:
    answers = iter([b"right", b"wrong"])
    fickle = Piece("w", "U8", (5,), lambda: iter([memoryview(next(answers))]))
    with pytest.raises(IntegrityError, match="w was not written as it was read"):
        write_pieces(tmp_path / "out", [fickle])


def test_a_copy_is_the_same_file(tmp_path: Path) -> None:
    file = safetensors(tmp_path / "x.safetensors")
    copy_file(file, tmp_path / "y.safetensors")
    assert (tmp_path / "y.safetensors").read_bytes() == file.read_bytes()


def test_a_file_that_is_kept_is_read_at_its_new_place(tmp_path: Path) -> None:
    file = safetensors(tmp_path / "x.safetensors")
    keep_file(file, tmp_path / "y.safetensors")
    assert read_header(tmp_path / "y.safetensors") == read_header(file)


@pytest.mark.parametrize(("mean", "untrained"), [(b"\0" * 8, True), (b"\0" * 7 + b"\x3f", False)])
def test_statistics_that_no_batch_ever_moved_are_noticed(mean: bytes, untrained: bool, tmp_path: Path) -> None:
    file = safetensors(
        tmp_path / "x", {"bn.running_mean": ("F32", [2], mean), "bn.weight": ("F32", [1], b"\0\0\x80\x3f")}
    )
    assert looks_untrained(file, read_header(file)) is untrained


def test_weights_without_statistics_are_not_called_untrained(tmp_path: Path) -> None:
    file = safetensors(tmp_path / "x")
    assert not looks_untrained(file, read_header(file))


def test_a_header_padded_with_spaces_is_read(tmp_path: Path) -> None:
    raw = json.dumps(header_of(TWO)).encode() + b"   "
    assert read_header(safetensors(tmp_path / "x", header=raw)).shapes == {"a": (2,), "b": (3,)}


def _piece(name: str, data: bytes) -> Piece:
    return Piece(name, "U8", (len(data),), lambda: iter([memoryview(data)]))


@pytest.mark.parametrize(
    ("dtype", "shape", "size"),
    [("F4", [2, 8], 8), ("F6_E2M3", [4], 3), ("F8_E4M3FNUZ", [3], 3), ("F8_E5M2FNUZ", [3], 3), ("F8_E8M0", [3], 3)],
)
def test_the_small_floats_of_newer_safetensors_are_kept_byte_for_byte(
    dtype: str, shape: list[int], size: int, tmp_path: Path
) -> None:
    file = safetensors(tmp_path / "w", {"w": (dtype, shape, bytes(range(size)))})
    header = read_header(file)
    assert header.shapes == {"w": tuple(shape)}
    again = write_pieces(tmp_path / "v", pieces_of(file, header))
    assert [(e.name, e.dtype, e.shape, e.end - e.start) for e in again.entries] == [("w", dtype, tuple(shape), size)]
    assert (tmp_path / "v").read_bytes()[-size:] == bytes(range(size))


def test_four_bit_floats_that_do_not_fill_whole_bytes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadArtifactError, match=r"has 2 bytes, but \[3\] of F4 need 1\.5"):
        read_header(safetensors(tmp_path / "w", {"w": ("F4", [3], b"ab")}))
