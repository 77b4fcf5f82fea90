"""Files are told by content: sound, renamed, cut and mixed ones."""

from __future__ import annotations

import io
import json
import math
import pickle
import zipfile
from pathlib import Path

import pytest
import torch

from adapters.weights.source_files import Kind, files_in, front_matter, kind_of, only_file, read_json
from registry.errors import BadArtifactError
from tests.adapters.files import TWO, header_of, safetensors


def archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        made.writestr("a/data.pkl", b"")
    return buffer.getvalue()


def saved(*, zipped: bool) -> bytes:
    buffer = io.BytesIO()
    torch.save({"w": torch.zeros(1)}, buffer, _use_new_zipfile_serialization=zipped)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (pickle.dumps([1], protocol=2), Kind.PICKLE),
        (pickle.dumps([1], protocol=5), Kind.PICKLE),
        (saved(zipped=False), Kind.PICKLE),
        (saved(zipped=True), Kind.ZIP),
        (archive(), Kind.ZIP),
        (b'  {"a": 1}', Kind.JSON),
        (b"[", Kind.JSON),
        ("Größe\n".encode(), Kind.TEXT),
        (b"", Kind.TEXT),
        (pickle.dumps([1], protocol=0) + b"\x00", Kind.OTHER),
        ("é".encode("latin-1"), Kind.OTHER),
        (b"\x7fELF\x02\x01\x01\x00", Kind.OTHER),
        (b"GIF89a\x01\x00", Kind.OTHER),
        ("ä".encode() * 5000, Kind.TEXT),
        (b"x" + "ä".encode() * 5000, Kind.TEXT),
    ],
)
def test_the_format_of_a_file_is_found_from_its_bytes(content: bytes, kind: Kind, tmp_path: Path) -> None:
    for name in ("model.safetensors", "config.json", "vocab.txt"):
        (tmp_path / name).write_bytes(content)
        assert kind_of(tmp_path / name) is kind


def test_safetensors_are_known_under_any_name(tmp_path: Path) -> None:
    assert kind_of(safetensors(tmp_path / "weights.pt")) is Kind.SAFETENSORS


@pytest.mark.parametrize("length", [0x080, 0x180, 0x280, 0x480, 0x580, 0x20480, 0x5580])
def test_a_header_whose_length_looks_like_a_pickles_first_bytes_is_still_safetensors(
    length: int, tmp_path: Path
) -> None:
    header = json.dumps(header_of(TWO)).encode().ljust(length)
    assert kind_of(safetensors(tmp_path / "w", header=header)) is Kind.SAFETENSORS


def test_a_pickle_that_is_also_a_sound_safetensors_file_is_refused_as_a_pickle(tmp_path: Path) -> None:
    """Its first bytes are a header's length of 0x470480, and to pickle: protocol 4, then a float of eight bytes."""
    raw = b'{"xNN.": {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]}}'  # the float ends with `{"x`
    file = safetensors(tmp_path / "w", {}, header=raw.ljust(0x470480))
    assert pickle.loads(file.read_bytes()) is None
    assert kind_of(file) is Kind.PICKLE


def test_a_truncated_safetensors_file_is_still_recognised_as_one_and_the_reason_is_named(tmp_path: Path) -> None:
    file = safetensors(tmp_path / "w")
    file.write_bytes(file.read_bytes()[:40])
    assert kind_of(file) is Kind.SAFETENSORS


def test_hidden_files_and_pipes_are_not_listed(tmp_path: Path) -> None:
    import os

    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/config").write_text("x")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/b.txt").write_text("x")
    (tmp_path / "a.txt").write_text("x")
    os.mkfifo(tmp_path / "pipe")
    assert list(files_in(tmp_path)) == ["a.txt", "sub/b.txt"]


def test_a_folder_with_one_file_beside_its_readme_is_that_file(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("x")
    assert only_file(tmp_path) is None
    (tmp_path / "w.safetensors").write_text("x")
    assert only_file(tmp_path) == only_file(tmp_path / "w.safetensors") == tmp_path / "w.safetensors"
    (tmp_path / "v.safetensors").write_text("x")
    assert only_file(tmp_path) is None


@pytest.mark.parametrize("text", ["", "{", '{"a":1,"a":2}', '{"a": Infinity}'])
def test_json_is_read_strictly(text: str, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(BadArtifactError, match=r"'x\.json' is not valid JSON"):
        read_json(tmp_path / "x.json")


def test_infinity_is_read_where_python_wrote_the_json_and_is_reported(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"limit": [0.0, Infinity], "least": -Infinity}')
    found: list[float] = []
    assert read_json(tmp_path / "config.json", constants=found) == {"limit": [0.0, math.inf], "least": -math.inf}
    assert found == [math.inf, -math.inf]


def test_a_byte_order_mark_is_named_as_the_fault_of_a_config(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert kind_of(tmp_path / "config.json") is Kind.JSON
    with pytest.raises(BadArtifactError, match="begins with a byte order mark"):
        read_json(tmp_path / "config.json")


@pytest.mark.parametrize(
    ("card", "found"),
    [
        ("---\nlicense: mit\n---\n# A", {"license": "mit"}),
        ("---\nlicense: mit\n---", {"license": "mit"}),
        ("# A\n---\nlicense: mit\n---\n", {}),
        ("---\n: : :\n---\n", {}),
        ("---\n- a\n---\n", {}),
        ("---\n!!python/object/apply:os.system [ls]\n---\n", {}),
        ("---\na: &a {x: y}\nb: {<<: *a}\n---\n", {"a": {"x": "y"}, "b": {"<<": {"x": "y"}}}),
    ],
)
def test_the_front_matter_of_a_card_is_data_and_nothing_else(card: str, found: dict[str, str]) -> None:
    assert front_matter(card) == found
