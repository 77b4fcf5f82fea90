"""Bombs in `.npz` archives and in Parquet."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pyarrow
from pyarrow import parquet

from registry.domain.data.datasets import LabelKind
from registry.ports.data import HowToRead
from tests.bombs import Bomb

NOTHING, MANY, TAGS = (HowToRead(labels=kind) for kind in (LabelKind.NONE, LabelKind.MANY, LabelKind.TAGS))
EXPANSION, ROWS = "FOREBEAR_DATA_EXPANSION", "FOREBEAR_DATA_ROWS"
CLASSES, CELL = "FOREBEAR_DATA_CLASSES", "FOREBEAR_DATA_CELL"


def header(shape: tuple[int, ...], kind: str, version: tuple[int, int] = (1, 0)) -> bytes:
    """The header of an .npy file, which may promise anything."""
    out = io.BytesIO()
    fields = {"descr": kind, "fortran_order": False, "shape": shape}
    write = np.lib.format.write_array_header_1_0 if version == (1, 0) else np.lib.format.write_array_header_2_0
    write(out, fields)
    return out.getvalue()


def archive(folder: Path, members: dict[str, bytes], *, name: str = "a.npz") -> Path:
    with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        for member, content in members.items():
            file.writestr(f"{member}.npy", content)
    return folder / name


def zeros(folder: Path) -> Path:
    """340 MB of zeros in 1.5 MB."""
    np.savez_compressed(folder / "a.npz", x=np.zeros((340, 1_000_000), np.uint8))
    return folder / "a.npz"


def several(folder: Path) -> Path:
    """Five archives of 100 MB each: each alone would be taken."""
    data = folder / "data"
    data.mkdir()
    whole = header((100, 1_000_000), "|u1") + bytes(100_000_000)
    first = archive(data, {"x": whole}, name="0.npz").read_bytes()
    for number in range(1, 5):
        (data / f"{number}.npz").write_bytes(first)
    return data


def patched(folder: Path) -> Path:
    """The directory of the archive says 4 GB."""
    path = archive(folder, {"x": header((2, 2), "|u1") + bytes(4)})
    content = bytearray(path.read_bytes())
    at = content.index(b"PK\x01\x02")
    content[at + 24 : at + 28] = (0xFFFFFFF0).to_bytes(4, "little")
    path.write_bytes(content)
    return path


def encrypted(folder: Path) -> Path:
    path = archive(folder, {"x": header((2, 2), "|u1") + bytes(4)})
    content = bytearray(path.read_bytes())
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    return path


def pickled(folder: Path) -> Path:
    np.savez(folder / "a.npz", x=np.array([{}, {}], dtype=object), y=np.array([0, 1]))
    return folder / "a.npz"


def numbered(folder: Path) -> Path:
    np.savez_compressed(folder / "a.npz", x=np.zeros((300_000, 1), np.uint8), y=np.arange(300_000))
    return folder / "a.npz"


def rows_of_arrays(folder: Path) -> Path:
    np.savez_compressed(folder / "a.npz", x=np.zeros((6_000_000, 1), np.uint8))
    return folder / "a.npz"


ARRAYS = [
    Bomb("npz-zeros", zeros, EXPANSION, NOTHING),
    Bomb("npz-several-archives", several, EXPANSION, NOTHING),
    Bomb("npz-directory-claims-4-GB", patched, EXPANSION, NOTHING),
    Bomb("npz-header-claims-terabytes", lambda f: archive(f, {"x": header((10**6, 10**6), "<f8")}), EXPANSION, NOTHING),
    Bomb(
        "npz-header-claims-more-than-it-holds",
        lambda f: archive(f, {"x": header((9, 9), "<f8")}),
        "says that it has",
        NOTHING,
    ),
    Bomb(
        "npz-a-thousand-million-rows-of-nothing", lambda f: archive(f, {"x": header((10**9, 0), "<f8")}), ROWS, NOTHING
    ),
    Bomb("npz-rows", rows_of_arrays, ROWS, NOTHING),
    Bomb(
        "npz-header-of-400-MB",
        lambda f: archive(f, {"x": b"\x93NUMPY\x02\x00" + (400_000_000).to_bytes(4, "little") + bytes(400_000_000)}),
        EXPANSION,
        NOTHING,
    ),
    Bomb(
        "npz-text-of-400-MB",
        lambda f: archive(f, {"x": header((2, 2), "|u1"), "split": header((2,), "<U50000000")}),
        EXPANSION,
        NOTHING,
    ),
    Bomb(
        "npz-negative-shape", lambda f: archive(f, {"x": header((-(10**9), 10**9), "|u1")}), "not an archive", NOTHING
    ),
    Bomb(
        "npz-a-million-columns-of-y",
        lambda f: archive(f, {"x": header((1, 2), "|u1") + bytes(2), "y": header((1, 10**6), "|u1") + bytes(10**6)}),
        CLASSES,
        MANY,
    ),
    Bomb("npz-300,000-classes", numbered, CLASSES),
    Bomb("npz-pickle", pickled, "not an archive of plain arrays"),
    Bomb("npz-encrypted", encrypted, "not an archive of plain arrays", NOTHING),
]


def table(folder: Path, columns: dict[str, object], **options: object) -> Path:
    parquet.write_table(pyarrow.table(columns), folder / "a.parquet", **options)
    return folder / "a.parquet"


def repeated(text: str, rows: int) -> pyarrow.Array:
    return pyarrow.DictionaryArray.from_arrays(pyarrow.array(np.zeros(rows, np.int32)), [text])


def long_lists(folder: Path) -> Path:
    """40 million times one number, in one row."""
    values = pyarrow.array(np.zeros(40_000_000, np.float32))
    return table(folder, {"x": pyarrow.ListArray.from_arrays([0, len(values)], values)})


def long_words(folder: Path) -> Path:
    values = pyarrow.DictionaryArray.from_arrays(pyarrow.array(np.zeros(40_000_000, np.int8)), ["word"])
    words = pyarrow.ListArray.from_arrays([0, len(values)], values)
    return table(folder, {"text": words, "label": words})


PARQUET = [
    Bomb("parquet-10-million-rows", lambda f: table(f, {"text": repeated("a", 10_000_000)}), ROWS, NOTHING),
    Bomb(
        "parquet-one-long-text-for-1,000-rows",
        lambda f: table(f, {"text": repeated("a" * 5_000_000, 1000)}),
        EXPANSION,
        NOTHING,
    ),
    Bomb(
        "parquet-one-text-for-5-million-rows",
        lambda f: table(f, {"text": repeated("a" * 999, 5_000_000)}),
        EXPANSION,
        NOTHING,
    ),
    Bomb(
        "parquet-emoji", lambda f: table(f, {"text": repeated("a" * 900_000 + "\U0001f600", 1000)}), EXPANSION, NOTHING
    ),
    Bomb("parquet-one-long-list", long_lists, EXPANSION, NOTHING),
    Bomb("parquet-one-long-list-of-words", long_words, EXPANSION, TAGS),
    Bomb(
        "parquet-a-text-of-11-million-characters", lambda f: table(f, {"text": ["a" * 11_000_000, "b"]}), CELL, NOTHING
    ),
    Bomb(
        "parquet-compressed-texts",
        lambda f: table(f, {"text": ["a" * 9_000_000] * 40}, use_dictionary=False, compression="zstd"),
        EXPANSION,
        NOTHING,
    ),
    Bomb(
        "parquet-300,000-classes",
        lambda f: table(f, {"text": repeated("a", 300_000), "label": [str(n) for n in range(300_000)]}),
        CLASSES,
    ),
    Bomb(
        "parquet-20,000-columns", lambda f: table(f, {f"c{n}": [1] for n in range(20_000)}), "more than 10,000 columns"
    ),
]
