"""The feature cache: features of a dataset are computed once by a frozen backbone and reused by every later step.

An entry is a folder named by the digest of its key. It is published atomically (written elsewhere, synced, renamed); if
two steps compute the same entry at once, the second keeps the entry of the first. Each load checks the stored SHA-256;
a damaged entry is removed and computed again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
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
    """What determines features to the last bit. `environment`: device, precision, threads and torch version."""

    model: str
    data: str
    split: str
    preprocessing: str
    layer: str
    environment: str

    @property
    def digest(self) -> Digest:
        """The name of the entry."""
        return Digest.of(json.dumps(asdict(self), sort_keys=True).encode())


class FeatureCache:
    """Entries under `folder`, shared by all steps of a registry folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def about(self, key: FeatureKey) -> Mapping[str, int] | None:
        """What was said of the rows when the entry was written; None where there is no entry, or nothing was said."""
        try:
            found = json.loads((self._place(key) / _ENTRY).read_bytes()).get("about")
        except (OSError, ValueError, AttributeError):
            return None
        return found if isinstance(found, dict) else None

    def load(self, key: FeatureKey) -> Features | None:
        """The cached features (items x size), or None. An entry whose SHA-256 differs is removed."""
        place = self._place(key)
        try:
            entry = json.loads((place / _ENTRY).read_bytes())
            if entry["key"] == asdict(key) and entry["sha256"] == _sha256(place / _ARRAY):
                return np.load(place / _ARRAY, allow_pickle=False)  # type: ignore[no-any-return]
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            pass  # missing or unreadable: treated like a damaged one
        if place.exists():
            self._drop(place)
        return None

    @contextmanager
    def writing(
        self, key: FeatureKey, items: int, size: int, about: Mapping[str, int] | None = None
    ) -> Iterator[Features]:
        """A writable array (items x size) on disk; published, with `about`, when the block ends without an error."""
        place = self._place(key)
        place.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=place.parent))
        try:
            array = np.lib.format.open_memmap(draft / _ARRAY, mode="w+", dtype=np.float32, shape=(items, size))
            yield array
            array.flush()
            entry = {"key": asdict(key), "sha256": _sha256(draft / _ARRAY), "about": about}
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
        """Rename a damaged entry before removing it, so that no reader finds it half removed."""
        aside = Path(tempfile.mkdtemp(prefix=".damaged-", dir=place.parent))
        with contextlib.suppress(FileNotFoundError):  # another step removed it first
            place.rename(aside / place.name)
        shutil.rmtree(aside, ignore_errors=True)


def _publish(draft: Path, place: Path) -> None:
    try:
        os.rename(draft, place)  # noqa: PTH104 -- the system call: it fails if the target has files, which is wanted
    except OSError:
        if not (place / _ENTRY).is_file():
            raise
        return  # another step published the same key first
    sync(place.parent)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
