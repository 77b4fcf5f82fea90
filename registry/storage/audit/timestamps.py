"""The timestamps of checkpoints as files: one `000000001000.tsr` each, in the registry folder and in anchors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from registry.errors import UnavailableError
from registry.files import write_whole

FOLDER = "timestamps"


class TimestampFiles:
    """The answers of a timestamp authority, by the number of entries of the checkpoint that each is about."""

    def __init__(self, folder: Path, anchors: Sequence[Path]) -> None:
        self._folder, self._anchors = folder / FOLDER, anchors

    def read(self, size: int) -> bytes | None:
        """The answer about the checkpoint of `size` entries; None where there is none. Raises: UnavailableError."""
        file = self._folder / _name(size)
        try:
            return file.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UnavailableError(f"{file} cannot be read: {error.strerror}") from error

    def all(self) -> dict[int, bytes]:
        """Every answer, by the number of entries. Raises: UnavailableError."""
        try:
            return {int(file.stem): file.read_bytes() for file in self._folder.glob("*.tsr") if file.stem.isdecimal()}
        except OSError as error:
            raise UnavailableError(f"{self._folder} cannot be read: {error.strerror}") from error

    def keep(self, size: int, answer: bytes) -> None:
        """Write it here and in every anchor that is a folder. Raises: UnavailableError."""
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            for folder in (self._folder, *(one for one in self._anchors if one.is_dir())):
                write_whole(folder / _name(size), answer)
        except OSError as error:
            raise UnavailableError(f"A timestamp cannot be written: {error.filename}: {error.strerror}") from error

    def adopt(self, answers: Mapping[int, bytes]) -> None:
        """Make these the answers of a registry folder that has none. Raises: OSError."""
        if answers:
            self._folder.mkdir(mode=0o700, exist_ok=True)
        for size, answer in answers.items():
            write_whole(self._folder / _name(size), answer)


def _name(size: int) -> str:
    return f"{size:012d}.tsr"
