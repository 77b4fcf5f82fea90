"""Sizes, durations and numbers for people to read. The command line and the pages write them alike."""

from __future__ import annotations

_NO_DECIMALS_FROM, _EXPONENT_FROM = 999.95, 1e15


def size(count: float) -> str:
    """Bytes in powers of ten, as `ls --si` and vendors of disks count them: `13.7 MB`."""
    if round(count) < 1000:
        return f"{count:.0f} B"
    for unit in ("kB", "MB", "GB"):
        count /= 1000
        if round(count, 1) < 1000:
            return f"{count:.1f} {unit}"
    return f"{count / 1000:.1f} TB"


def duration(seconds: float) -> str:
    """Seconds in at most two units: `4.2 s`, `42 s`, `3 min 20 s`, `1 h 05 min`."""
    if round(seconds, 1) < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def number(value: float) -> str:
    """A whole number with its thousands grouped (`12,345`), any other with four significant digits (`0.8919`).

    From 1,000 on it is rounded to a whole number, so that no exponent appears below 10^15.
    """
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.0f}" if _NO_DECIMALS_FROM <= abs(value) < _EXPONENT_FROM else f"{value:.4g}"


def counted(count: int, thing: str) -> str:
    """How many there are of something: `1 file`, `2 files`, `1,200 files`."""
    return f"{number(count)} {thing if count == 1 else f'{thing}s'}"


def sentence(text: str) -> str:
    """`text` with its first letter as a capital, for a clause that stands alone."""
    return f"{text[:1].upper()}{text[1:]}"


def epoch(done: float, planned: int) -> str:
    """Which epoch is under way, counted from one: `1 of 6` while the first is read."""
    return f"{min(int(done) + 1, planned)} of {planned}" if planned else ""
