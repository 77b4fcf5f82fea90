"""The feature cache: what a frozen backbone makes of a dataset is computed once and shared by every later step.

An entry is a folder named by the digest of its key. It appears whole (written beside, synced, renamed), so two steps
that extract at once do no harm: the second finds the first one's entry in its place and uses that. Each load checks
the stored SHA-256; a damaged entry is dropped and made again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from adapters.loop.training.checkpoints import sync
from lineage import Digest

Features = NDArray[np.float32]
_ENTRY, _ARRAY = "entry.json", "features.npy"


@dataclass(frozen=True, slots=True)
class FeatureKey:
    """What decides features to the last bit. `environment` names device, precision, threads and torch version."""

    model: str
    data: str
    split: str
    preprocessing: str
    layer: str
    environment: str

    @property
    def digest(self) -> Digest:
        """The entry's name."""
        return Digest.of(json.dumps(asdict(self), sort_keys=True).encode())


class FeatureCache:
    """Entries under `folder`, shared by all steps of a home."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def load(self, key: FeatureKey) -> Features | None:
        """The cached features (items x size), or None. An entry that fails its digest is removed."""
        place = self._place(key)
        try:
            entry = json.loads((place / _ENTRY).read_bytes())
            if entry["key"] == asdict(key) and entry["sha256"] == _sha256(place / _ARRAY):
                return np.load(place / _ARRAY, allow_pickle=False)  # type: ignore[no-any-return]
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            pass  # not there, or unreadable: as good as damaged
        if place.exists():
            self._drop(place)
        return None

    @contextmanager
    def writing(self, key: FeatureKey, items: int, size: int) -> Iterator[Features]:
        """A writable array (items x size) on disk; published when the block ends without an error."""
        place = self._place(key)
        place.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=place.parent))
        try:
            array = np.lib.format.open_memmap(draft / _ARRAY, mode="w+", dtype=np.float32, shape=(items, size))
            yield array
            array.flush()
            entry = {"key": asdict(key), "sha256": _sha256(draft / _ARRAY)}
            (draft / _ENTRY).write_text(json.dumps(entry, sort_keys=True), encoding="utf-8")
            for path in (draft / _ARRAY, draft / _ENTRY, draft):
                sync(path)
            _publish(draft, place)
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def _place(self, key: FeatureKey) -> Path:
        name = key.digest.hex
        return self.folder / name[:2] / name

    def _drop(self, place: Path) -> None:
        """Move a damaged entry aside before removing it, so that no reader meets half of one."""
        aside = Path(tempfile.mkdtemp(prefix=".damaged-", dir=place.parent))
        with contextlib.suppress(FileNotFoundError):  # another step dropped it first
            place.rename(aside / place.name)
        shutil.rmtree(aside, ignore_errors=True)


def _publish(draft: Path, place: Path) -> None:
    try:
        os.rename(draft, place)  # noqa: PTH104 -- the system call, whose refusal of a filled folder is the point
    except OSError:
        if not (place / _ENTRY).is_file():
            raise
        return  # another step was first; its entry has the same key
    sync(place.parent)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
