"""Pickled state dicts (`.pt`, `.pth`, `.bin`), read with `weights_only=True` and given back as plain tensors.

torch's restricted unpickler makes tensors and containers and calls nothing else. A file that needs anything else is
refused, and the message names it.
"""

from __future__ import annotations

import pickle
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapters.weights.safetensors_files import CHUNK, Piece
from adapters.weights.source_files import Kind, kind_of
from adapters.weights.wrappers import unwrapped_names
from registry.errors import BadArtifactError, MissingExtraError, RegistryError, UnsafeArtifactError

if TYPE_CHECKING:
    from torch import Tensor

_WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "network", "weights", "params", "ema", "model_ema")
"""Keys under which training scripts store the weights, beside the optimiser's state and counters, best first."""
_DEEPEST = 3
"""How many mappings may lie around the weights."""
_MAGIC = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""The first bytes of torch's older format: a pickle of its magic number."""


def read_state_dict(path: Path) -> tuple[dict[str, Tensor], list[str]]:
    """Names and tensors of `path`, with notes on what was left out.

    Raises: UnsafeArtifactError naming what the file would have called, BadArtifactError when it is not a sound file of
    torch's or holds no tensors by name.
    """
    mapped = kind_of(path) is Kind.ZIP
    if mapped:
        _check_archive(path)
    else:
        _check_bare(path)
    torch = _torch()
    try:
        found = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except pickle.UnpicklingError as error:
        raise _refusal(path, str(error)) from None
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        if "allocate memory" in str(error):
            raise
        raise BadArtifactError(f"{path.name!r} cannot be read by torch: {_first_line(error)}") from None
    return _unwrap(path, found)


def pieces_of(tensors: Mapping[str, Tensor]) -> list[Piece]:
    """The tensors as pieces of a safetensors file. Raises: BadArtifactError for one that safetensors cannot hold."""
    return [_piece(name, tensor) for name, tensor in tensors.items()]


def _check_archive(path: Path) -> None:
    """Torch never compresses its archives: one that unpacks to more bytes than it has is something else."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise BadArtifactError(f"{path.name!r} is a damaged archive: {error}", remedy="Get the file again") from None
    if not any(re.fullmatch(r"[^/]+/data\.pkl", entry.filename) for entry in entries):
        raise BadArtifactError(
            f"{path.name!r} is an archive, but not one of torch's", remedy="Unpack it and import the folder"
        )
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise BadArtifactError(f"{path.name!r} is compressed, which torch's files never are")
    if sum(entry.file_size for entry in entries) > path.stat().st_size:
        raise BadArtifactError(f"{path.name!r} claims to hold more bytes than it has")


def is_of_torch(path: Path) -> bool:
    """True when a bare pickle is torch's older format."""
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def _check_bare(path: Path) -> None:
    if not is_of_torch(path):
        raise UnsafeArtifactError(
            f"{path.name!r} is a plain pickle, which would run code when loaded",
            remedy="Save the weights as safetensors, or with torch.save",
        )


def _refusal(path: Path, complaint: str) -> RegistryError:
    """The error for a complaint of torch's restricted unpickler: a forbidden name, or damaged bytes."""
    needed = re.search(r"GLOBAL\s+([\w.]+)", complaint)
    if needed is None and "nsupported" not in complaint:
        return BadArtifactError(f"{path.name!r} cannot be read by torch: {_first_line(complaint)}")
    return UnsafeArtifactError(
        f"{path.name!r} would run code when loaded: it asks for {needed[1] if needed else 'more than tensors'}",
        remedy="Save only the model's state_dict(), best as safetensors",
        facts={"asked_for": needed[1] if needed else ""},
    )


def _unwrap(path: Path, found: object) -> tuple[dict[str, Tensor], list[str]]:
    """The tensors by name, out of the mappings that training scripts put around them, with notes."""
    torch = _torch()
    notes: list[str] = []
    for _ in range(_DEEPEST):
        if not isinstance(found, Mapping) or any(isinstance(value, torch.Tensor) for value in found.values()):
            break
        key = _key_of_weights(path, found)
        if key is None:
            break
        rest = sorted(str(other) for other in found if other != key)
        notes.append(f"took the weights from {key!r}; left out: {', '.join(rest) or 'nothing'}")
        found = found[key]
    if not isinstance(found, Mapping) or not found:
        raise BadArtifactError(f"{path.name!r} holds no tensors by name", remedy="Save the model's state_dict()")
    wrong = [str(key) for key, value in found.items() if not (isinstance(key, str) and isinstance(value, torch.Tensor))]
    if wrong:
        raise BadArtifactError(
            f"{path.name!r} holds more than tensors by name: {', '.join(wrong[:5])}",
            remedy="Save the model's state_dict()",
        )
    ours, removed = unwrapped_names(str(name) for name in found)
    return {ours[str(name)]: value for name, value in found.items()}, [*notes, *removed]


def _key_of_weights(path: Path, found: Mapping[Any, Any]) -> str | None:
    """The key of the weights: a usual one, or the only one under which there are tensors by name.

    Raises: BadArtifactError when there are several under unusual keys.
    """
    held = [key for key, value in found.items() if isinstance(key, str) and _holds_tensors(value, _DEEPEST - 1)]
    usual = [key for key in _WRAPPERS if key in held]
    if usual or len(held) <= 1:
        return next(iter(usual or held), None)
    raise BadArtifactError(
        f"{path.name!r} holds several sets of tensors: {', '.join(map(repr, held[:5]))}",
        remedy=f"Save one of them alone: torch.save(torch.load(PATH)[{held[0]!r}], NEW_PATH)",
    )


def _holds_tensors(value: object, depth: int) -> bool:
    """True for a mapping of names to tensors alone, or a mapping that holds one."""
    if not isinstance(value, Mapping) or not value or not all(isinstance(key, str) for key in value):
        return False
    if all(isinstance(inner, _torch().Tensor) for inner in value.values()):
        return True
    return depth > 0 and any(_holds_tensors(inner, depth - 1) for inner in value.values())


def _piece(name: str, tensor: Tensor) -> Piece:
    torch = _torch()
    dtypes = {
        torch.bool: "BOOL", torch.uint8: "U8", torch.int8: "I8", torch.int16: "I16", torch.int32: "I32",
        torch.int64: "I64", torch.float16: "F16", torch.bfloat16: "BF16", torch.float32: "F32", torch.float64: "F64",
        torch.uint16: "U16", torch.uint32: "U32", torch.uint64: "U64", torch.complex64: "C64",
        torch.float8_e4m3fn: "F8_E4M3", torch.float8_e5m2: "F8_E5M2", torch.float8_e8m0fnu: "F8_E8M0",
        torch.float8_e4m3fnuz: "F8_E4M3FNUZ", torch.float8_e5m2fnuz: "F8_E5M2FNUZ",
    }  # fmt: skip
    if tensor.layout is not torch.strided or tensor.is_quantized or tensor.dtype not in dtypes:
        raise BadArtifactError(
            f"The tensor {name!r} ({tensor.dtype}, {tensor.layout}) has no type of safetensors",
            remedy="Convert it to a dense tensor of another type, such as float32, and save the weights again",
        )

    def chunks() -> Iterator[memoryview]:
        whole: Any = tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy()
        for start in range(0, len(whole), CHUNK):
            yield memoryview(whole[start : start + CHUNK])

    return Piece(name, dtypes[tensor.dtype], tuple(tensor.shape), chunks)


def _first_line(error: object) -> str:
    return (str(error).strip().splitlines() or ["no reason given"])[0][:300]


def _torch() -> Any:
    try:
        import torch  # noqa: PLC0415 - importers are needed about every source, and most need no torch
    except ImportError as error:
        raise MissingExtraError(
            f"Reading a state dict needs torch, which cannot be imported: {error}",
            remedy='Run: pip install "forebear[torch]"',
        ) from error
    return torch
