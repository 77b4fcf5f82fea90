"""The functions of conditions, as CEL defines them, with `min` and `max` of its extension library."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from registry.domain.governance.conditions.problems import UnanswerableError

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|s|us|ns)")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


def call(name: str, values: list[Any]) -> object:
    """What the function gives. Raises: UnanswerableError, also for a function that does not exist."""
    if name not in FUNCTIONS:
        raise UnanswerableError(f"{name!r} is not a function")
    try:
        return FUNCTIONS[name](*values)
    except (TypeError, ValueError, OverflowError) as error:
        raise UnanswerableError(f"{name}(…) cannot be applied to these values") from error


def matches(text: str, pattern: str) -> bool:
    """Whether the regular expression (RE2) is found in `text`, in time that grows with its length."""
    _texts(text, pattern)
    try:
        return bool(_matcher().execute({"text": text, "pattern": pattern}))
    except Exception as error:  # whatever the engine has against the pattern
        raise UnanswerableError(f"{pattern[:80]!r} is not a regular expression") from error


@lru_cache(maxsize=1)
def _matcher() -> Any:
    # Python's own `re` can take exponential time; this engine is that of CEL's library, and cannot.
    import cel  # noqa: PLC0415 - 0.2 s, and few policies match texts

    return cel.compile("text.matches(pattern)")


def _texts(*values: object) -> None:
    if not all(isinstance(value, str) for value in values):
        raise TypeError


def _on_texts(check: Callable[[str, str], bool]) -> Callable[[str, str], bool]:
    def checked(text: str, other: str) -> bool:
        _texts(text, other)
        return check(text, other)

    return checked


def _size(value: object) -> int:
    if not isinstance(value, str | bytes | list | Mapping):
        raise TypeError
    return len(value)


def _numbers(values: tuple[Any, ...]) -> list[Any]:
    found = list(values[0]) if len(values) == 1 and isinstance(values[0], list) else list(values)
    if not found or any(isinstance(value, bool) or not isinstance(value, int | float) for value in found):
        raise TypeError
    return found


def _int(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float | str | datetime):
        raise TypeError
    number = int(value.timestamp()) if isinstance(value, datetime) else int(_plain(value))
    if not -(2**63) <= number < 2**64:
        raise OverflowError
    return number


def _uint(value: object) -> int:
    number = _int(value)
    if number < 0:
        raise ValueError
    return number


def _double(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError
    return float(_plain(value))


def _plain(value: int | float | str) -> int | float | str:
    """`value`, unless it is text that only Python takes for a number. Raises: ValueError."""
    if isinstance(value, str) and not re.fullmatch(r"[+-]?[\w.]+(?:[eE][+-]?\d+)?", value.replace("_", " ")):
        raise ValueError
    return value


def _string(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float | str | bytes):
        raise TypeError
    if isinstance(value, bytes):
        return value.decode()
    return str(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else str(value)


def _bytes(value: object) -> bytes:
    if not isinstance(value, str | bytes):
        raise TypeError
    return value.encode() if isinstance(value, str) else value


def _timestamp(value: object) -> datetime:
    """RFC 3339."""
    if isinstance(value, datetime):
        return value
    _texts(value)
    moment = datetime.fromisoformat(str(value))
    if moment.tzinfo is None:
        raise ValueError
    return moment.astimezone(UTC)


def _duration(value: object) -> timedelta:
    """`90s`, `1h30m`."""
    if isinstance(value, timedelta):
        return value
    _texts(value)
    text = str(value).removeprefix("-")
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    return timedelta(seconds=-seconds if str(value).startswith("-") else seconds)


FUNCTIONS: Mapping[str, Callable[..., object]] = {
    "size": _size,
    "contains": _on_texts(lambda text, part: part in text),
    "startsWith": _on_texts(str.startswith),
    "endsWith": _on_texts(str.endswith),
    "matches": matches,
    "max": lambda *values: max(_numbers(values)),
    "min": lambda *values: min(_numbers(values)),
    "int": _int,
    "uint": _uint,
    "double": _double,
    "string": _string,
    "bytes": _bytes,
    "timestamp": _timestamp,
    "duration": _duration,
}
