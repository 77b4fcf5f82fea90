"""The limits on one dataset. Each is a setting, `FOREBEAR_DATA_*`, and a refusal names it."""

from __future__ import annotations

from dataclasses import dataclass

from registry.errors import TooLargeError

_UNPACKED = 128 * 1024**2
"""What any dataset may unpack to, however small its files are."""
_MEMORY, _TIMES_SIZE = 448 * 1024**2, 40
"""The default memory limit: bytes for libraries and small data, and how many times the files may lie beside them."""
_SECONDS, _BYTES_A_SECOND = 60, 2 * 1000**2


@dataclass(frozen=True, slots=True)
class DataLimits:
    """The limits on reading one dataset. Field names are those of the settings without `data_`."""

    memory: int = 0
    """Bytes of private memory of the process that reads it; 0: 448 MiB and 40 times the size of its files."""
    seconds: int = 0
    """Of the clock; 0: 60, and one for each 2 MB of its files."""
    files: int = 50_000
    """Files and folders."""
    rows: int = 5_000_000
    cell: int = 10_000_000
    """Characters of one text."""
    classes: int = 25_000
    """Distinct classes, or tags."""
    pixels: int = 64 * 1024**2
    """Of one picture."""
    expansion: int = 200
    """How many times its size a dataset may unpack to, beyond 128 Mi: bytes of arrays and texts, pixels of pictures."""

    def memory_for(self, size: int, machine: int) -> int:
        """Bytes that may be used to read `size` bytes of files on a machine with `machine` bytes of memory."""
        return self.memory or max(_MEMORY, min(_MEMORY + _TIMES_SIZE * size, machine // 3))

    def seconds_for(self, size: int) -> int:
        """Seconds that reading `size` bytes of files may take."""
        return self.seconds or _SECONDS + size // _BYTES_A_SECOND

    def check_files(self, count: int) -> None:
        """Raises: TooLargeError."""
        if count > self.files:
            raise _refusal(f"The dataset has more than {self.files:,} files and folders", "FILES")

    def check_rows(self, count: int) -> None:
        """Raises: TooLargeError."""
        if count > self.rows:
            raise _refusal(f"The dataset has more than {self.rows:,} rows", "ROWS")

    def check_classes(self, count: int) -> None:
        """Raises: TooLargeError."""
        if count > self.classes:
            raise _refusal(
                f"The dataset has more than {self.classes:,} different classes",
                "CLASSES",
                first="Check which column holds the labels",
            )

    def check_cell(self, length: int, where: str, *, first: str = "Shorten it") -> None:
        """Raises: TooLargeError."""
        if length > self.cell:
            raise _refusal(f"The text of {where} has more than {self.cell:,} characters", "CELL", first=first)

    def check_pixels(self, width: int, height: int, name: str) -> None:
        """Raises: TooLargeError."""
        if width * height > self.pixels:
            raise _refusal(
                f"The image {name!r} has {width:,} x {height:,} pixels, more than {self.pixels:,} in all",
                "PIXELS",
                first="Scale it down",
            )

    def check_unpacked(self, amount: int, size: int, what: str = "bytes") -> None:
        """`amount` is what the dataset, or its part so far, unpacks to; `size` the bytes of all its files.

        Raises: TooLargeError.
        """
        most = _UNPACKED + self.expansion * size
        if amount > most:
            raise _refusal(
                f"The dataset unpacks to {amount:,} {what} or more; files of {size:,} bytes may unpack to "
                f"{most:,}, which is {_UNPACKED >> 20} Mi and {self.expansion} times their size",
                "EXPANSION",
            )

    def memory_refusal(self, allowed: int) -> TooLargeError:
        """What to say when the `allowed` bytes of memory did not suffice."""
        return _refusal(f"Reading the dataset needs more memory than {allowed:,} bytes", "MEMORY")

    def time_refusal(self, allowed: int) -> TooLargeError:
        """What to say when the `allowed` seconds did not suffice."""
        return _refusal(f"Reading the dataset took longer than {allowed:,} seconds", "SECONDS")


DEFAULT = DataLimits()
"""The limits unless settings say otherwise."""


def _refusal(message: str, setting: str, *, first: str = "Divide it") -> TooLargeError:
    name = f"FOREBEAR_DATA_{setting}"
    return TooLargeError(message, remedy=f"{first}, or raise {name} where the registry runs", facts={"setting": name})
