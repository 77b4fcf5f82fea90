"""Safetensors files, read strictly and copied in pieces: no tensor library, and only a few megabytes at once.

The format (safetensors' README, "Format"): eight bytes with the header's length N, little-endian; N bytes of JSON that
map each tensor's name to `dtype`, `shape` and `data_offsets` (relative to the end of the header), perhaps with a
`__metadata__` of strings; then the tensors' bytes, which must fill the file without gap or overlap.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

from registry.domain.text import is_unicode
from registry.errors import BadArtifactError, IntegrityError

MAX_HEADER = 32 * 1024 * 1024
"""Bytes of JSON that are read at most: about 200,000 tensors. The format itself allows 100 MB."""
CHUNK = 4 * 1024 * 1024
BITS: Mapping[str, int] = {
    "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
    "BOOL": 8, "U8": 8, "I8": 8,
    "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
    "U16": 16, "I16": 16, "F16": 16, "BF16": 16,
    "U32": 32, "I32": 32, "F32": 32,
    "U64": 64, "I64": 64, "F64": 64, "C64": 64,
}  # fmt: skip
"""Bits of one element, for every type of safetensors 0.8."""
_BUFFERS = ("running_mean", "running_var", "num_batches_tracked", "position_ids")


@dataclass(frozen=True, slots=True)
class TensorEntry:
    """One tensor in a file: `start` and `end` are offsets in the file itself."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Header:
    """A checked header; entries in the order of their bytes."""

    entries: tuple[TensorEntry, ...]
    metadata: Mapping[str, str]

    @property
    def parameters(self) -> int:
        """Trainable numbers: elements of all tensors but the running statistics and counters of normalisations."""
        return sum(prod(e.shape) for e in self.entries if not e.name.endswith(_BUFFERS))

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each tensor by name."""
        return {entry.name: entry.shape for entry in self.entries}


def read_header(path: Path) -> Header:
    """Read and check the header of `path`, not the tensors' bytes. Raises: BadArtifactError with the reason."""
    size = path.stat().st_size
    with path.open("rb") as file:
        prefix = file.read(8)
        length = int.from_bytes(prefix, "little")
        if len(prefix) < 8 or length > size - 8:
            raise _bad(path, f"it is cut short: {size:,} bytes, and a header of {length:,} bytes is announced")
        if length > MAX_HEADER:
            raise _bad(path, f"its header of {length:,} bytes is larger than {MAX_HEADER:,}")
        raw = file.read(length)
    try:
        if not raw.startswith(b"{"):
            raise ValueError("the header does not start with {")
        document = json.loads(raw.decode("utf-8").rstrip(" "), object_pairs_hook=unique_keys)
        metadata = document.pop("__metadata__", {})
        _check_metadata(metadata)
        _check_text([*document, *metadata, *metadata.values()])
        entries = sorted((_entry(name, value, 8 + length) for name, value in document.items()), key=_place)
    except (ValueError, RecursionError) as error:
        raise _bad(path, str(error)) from error
    _check_cover(path, entries, 8 + length, size)
    return Header(tuple(entries), metadata)


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """For `json.loads`: a mapping, refusing a key that occurs twice. Raises: ValueError."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key[:120]!r} occurs twice")
        found[key] = value
    return found


def _check_metadata(metadata: object) -> None:
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise ValueError("__metadata__ is not a mapping of strings")


def _check_text(texts: Iterable[str]) -> None:
    """Refuse text that is not Unicode, as the library refuses such a header. Raises: ValueError."""
    for text in texts:
        if not is_unicode(text):
            raise ValueError(f"the text {text[:120]!r} is not valid Unicode")


def _elements(shape: Sequence[int], label: str) -> int:
    """The product, refusing one that passes 64 bits on the way, as the library does, a 0 further on or not."""
    count = 1
    for extent in shape:
        count *= extent
        if count >= 2**64:
            raise ValueError(f"the shape {shape} of {label!r} has more elements than 64 bits can count")
    return count


def _entry(name: str, value: object, data_start: int) -> TensorEntry:
    label = name[:120]
    if not isinstance(value, dict) or value.keys() != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"the entry of {label!r} is not dtype, shape and data_offsets")
    dtype, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(dtype, str) or dtype not in BITS:
        raise ValueError(f"the type {str(dtype)[:40]!r} of {label!r} is not one of safetensors 0.8")
    if not _whole_numbers(shape) or not _whole_numbers(offsets) or len(offsets) != 2:
        raise ValueError(f"the shape or the offsets of {label!r} are not whole numbers")
    start, end = offsets
    bits = _elements(shape, label) * BITS[dtype]
    if bits >= 2**64 or 8 * (end - start) != bits:
        needed = f"{bits / 8:,.10g}"
        raise ValueError(f"{label!r} has {end - start:,} bytes, but {shape} of {dtype} need {needed}")
    return TensorEntry(name, dtype, tuple(shape), data_start + start, data_start + end)


def _whole_numbers(values: object) -> bool:
    return isinstance(values, list) and all(type(v) is int and 0 <= v < 2**63 for v in values)


def _place(entry: TensorEntry) -> tuple[int, int, str]:
    return entry.start, entry.end, entry.name


def _check_cover(path: Path, entries: Sequence[TensorEntry], start: int, size: int) -> None:
    if not entries:
        raise _bad(path, "it holds no tensors")
    position = start
    for entry in entries:
        if entry.start != position:
            what = "overlaps the one before" if entry.start < position else "leaves a gap before it"
            raise _bad(path, f"{entry.name[:120]!r} {what}")
        position = entry.end
    if position > size:
        raise _bad(path, f"it is cut short: {size:,} bytes of {position:,}")
    if position < size:
        raise _bad(path, f"{size - position:,} bytes follow the last tensor")


def _bad(path: Path, why: str) -> BadArtifactError:
    return BadArtifactError(f"{path.name!r} is not a valid safetensors file: {why}", remedy="Get the file again")


# --- writing -------------------------------------------------------------------------------------------------------

Chunks = Callable[[], Iterator[memoryview]]


@dataclass(frozen=True, slots=True)
class Piece:
    """A tensor about to be written; `chunks` gives its bytes in order, the same each time it is called."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    chunks: Chunks


def pieces_of(path: Path, header: Header, names: Mapping[str, str] | None = None) -> list[Piece]:
    """The tensors of `path`, under other `names` where given."""

    def reader(entry: TensorEntry) -> Chunks:
        return lambda: read_range(path, entry.start, entry.end)

    return [Piece((names or {}).get(e.name, e.name), e.dtype, e.shape, reader(e)) for e in header.entries]


def read_range(path: Path, start: int, end: int) -> Iterator[memoryview]:
    """The bytes from `start` to `end`, through one buffer: each view is valid until the next one is read."""
    buffer = bytearray(min(CHUNK, max(end - start, 1)))
    with path.open("rb", buffering=0) as file:
        file.seek(start)
        while start < end:
            count = file.readinto(memoryview(buffer)[: min(len(buffer), end - start)])
            if not count:
                raise BadArtifactError(f"{path.name!r} became shorter while it was read")
            yield memoryview(buffer)[:count]
            start += count


def write_pieces(target: Path, pieces: Iterable[Piece]) -> Header:
    """Write `pieces` as safetensors in a fixed order (wide types first, then by name), and compare every tensor.

    The same tensors give the same bytes. Raises: IntegrityError when what was read back differs from what was given.
    """
    ordered = sorted(pieces, key=lambda piece: (-BITS[piece.dtype], piece.name))
    document: dict[str, object] = {"__metadata__": {"format": "pt"}}
    position = 0
    for piece in ordered:
        end = position + prod(piece.shape) * BITS[piece.dtype] // 8
        document[piece.name] = {"dtype": piece.dtype, "shape": list(piece.shape), "data_offsets": [position, end]}
        position = end
    raw = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
    raw += b" " * (-len(raw) % 8)  # so that every tensor starts at a multiple of its element's size
    with target.open("wb", buffering=0) as file:
        _write(file, memoryview(len(raw).to_bytes(8, "little") + raw))
        for piece in ordered:
            for chunk in piece.chunks():
                _write(file, chunk)
    header = read_header(target)
    for piece, entry in zip(ordered, header.entries, strict=True):
        _compare(piece, read_range(target, entry.start, entry.end))
    return header


def keep_file(source: Path, target: Path) -> None:
    """Let the file at `source` be `target`, unchanged: a link here, for which the parent process puts the file itself.

    Nothing may be written to `target` afterwards.
    """
    target.symlink_to(source.resolve())


def copy_file(source: Path, target: Path) -> None:
    """Copy byte for byte and compare. Raises: IntegrityError when the copy differs."""
    size = source.stat().st_size
    with target.open("wb", buffering=0) as file:
        for chunk in read_range(source, 0, size):
            _write(file, chunk)
    _compare(Piece(source.name, "U8", (size,), lambda: read_range(source, 0, size)), read_range(target, 0, size))


def _write(file: BinaryIO, chunk: memoryview) -> None:
    view = chunk
    while len(view):
        view = view[file.write(view) :]


def _compare(piece: Piece, written: Iterator[memoryview]) -> None:
    """Compare two streams of bytes whose chunks may end in different places."""
    ours = theirs = memoryview(b"")
    given = piece.chunks()
    while True:
        ours = ours or next(given, memoryview(b""))
        theirs = theirs or next(written, memoryview(b""))
        length = min(len(ours), len(theirs))
        if not length:
            break
        if bytes(ours[:length]) != bytes(theirs[:length]):  # views compare one element after another
            raise IntegrityError(f"{piece.name} was not written as it was read", remedy="Check the disk and try again")
        ours, theirs = ours[length:], theirs[length:]
    if len(ours) or len(theirs):
        raise IntegrityError(f"{piece.name} was not written whole", remedy="Check the disk and try again")


def looks_untrained(path: Path, header: Header) -> bool:
    """True when the file has running means and all of them are zero, as they are before the first training batch."""
    means = [e for e in header.entries if e.name.endswith("running_mean")]
    return bool(means) and not any(any(chunk) for e in means for chunk in read_range(path, e.start, e.end))
