"""A file counts as data only where its beginning and its name say so; everything else may run code."""

from __future__ import annotations

import pytest

from registry.domain.file_kinds import FileKind, FileScan, kind_of


def tensors(header: bytes) -> bytes:
    return len(header).to_bytes(8, "little") + header


@pytest.mark.parametrize(
    ("path", "data", "kind"),
    [
        ("model.safetensors", tensors(b'{"__metadata__":{}}'), FileKind.SAFETENSORS),
        ("model.safetensors", tensors(b"{" + b" " * 126 + b"}") + b"0" * 8, FileKind.SAFETENSORS),
        ("model.safetensors", tensors(b"{no json}"), FileKind.UNKNOWN),
        ("model.safetensors", b"\x80\x04\x95", FileKind.UNKNOWN),
        ("model.safetensors", (10**9).to_bytes(8, "little") + b"{}", FileKind.UNKNOWN),
        ("config.json", b'\n{"a": 1}', FileKind.JSON),
        ("vocab.txt", "ä\nö\n".encode(), FileKind.TEXT),
        ("LICENSE", b"MIT", FileKind.TEXT),
        ("empty.txt", b"", FileKind.TEXT),
        ("model.gguf", b"GGUF\x03\0\0\0", FileKind.GGUF),
        ("model.txt", b"\x80\x04\x95rest", FileKind.PICKLE),
        ("old.pkl", b"cos\nsystem\n(S'id'\ntR.", FileKind.PICKLE),
        ("vectors.npy", b"\x93NUMPY\x01\0", FileKind.PICKLE),
        ("pytorch_model.txt", b"PK\x03\x04archive", FileKind.ARCHIVE),
        ("data.txt", b"\x1f\x8b\x08", FileKind.ARCHIVE),
        ("tool", b"\x7fELF\x02", FileKind.PROGRAM),
        ("tool.txt", b"MZ\x90\0", FileKind.PROGRAM),
        ("modeling.py", b"import os\n", FileKind.SCRIPT),
        ("run.txt", b"#!/bin/sh\n", FileKind.SCRIPT),
        ("notebook.IPYNB", b"{}", FileKind.SCRIPT),
        ("spiece.model", b"\n\x0e\n\x05<unk>", FileKind.UNKNOWN),
    ],
)
def test_the_kind_of_a_file(path: str, data: bytes, kind: FileKind) -> None:
    assert kind_of(path, data[:4096], len(data)) is kind


def test_a_sample_that_ends_within_a_character_is_text_and_a_whole_file_that_does_is_not() -> None:
    start = ("a" * 4095 + "ä").encode()[:4096]
    assert kind_of("a.txt", start, 9000) is FileKind.TEXT
    assert kind_of("a.txt", start, 4096) is FileKind.UNKNOWN


def test_a_long_header_of_safetensors_is_known_by_its_beginning() -> None:
    data = (5000).to_bytes(8, "little") + b'{"' + b"a" * 4998
    assert kind_of("m.safetensors", data[:4096], len(data)) is FileKind.SAFETENSORS


def test_a_scan_counts_what_may_run_code_and_names_the_first() -> None:
    found = FileScan.of(
        [("z.json", FileKind.JSON), *((f"{one}.bin", FileKind.PICKLE) for one in "dcba"), ("odd", FileKind.UNKNOWN)]
    )
    assert (found.executable, found.unknown) == (5, 1)
    assert found.formats == ("json", "pickle", "unknown")
    assert found.named == ("a.bin (pickle)", "b.bin (pickle)", "c.bin (pickle)")
