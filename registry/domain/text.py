"""Text that people write: checks of free text, and what was meant by a word that is not known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from difflib import get_close_matches

from registry.domain.credentials import refuse_credentials
from registry.errors import BadFilterError, InvalidError

MAX_NESTING = 32
"""Lists and objects within one another: what is deeper could be written, but not read back."""


def check_words(text: str, what: str, limit: int, *, lines: bool = False, empty: bool = False) -> str:
    """`text` without the space around it. `lines` allows line breaks and tabs; `empty`, nothing at all.

    Raises: InvalidError, CredentialError.
    """
    allowed = "\n\r\t" if lines else ""
    if not empty and not text.strip():
        raise InvalidError(f"The {what} is empty")
    if len(text) > limit:
        raise InvalidError(f"The {what} is longer than {limit:,} characters")
    if any((ord(char) < 32 and char not in allowed) or char == "\x7f" or "\ud800" <= char <= "\udfff" for char in text):
        raise InvalidError(f"The {what} has control characters")
    refuse_credentials(text, what)
    return text.strip()


def is_unicode(text: str) -> bool:
    """False for text with half of a surrogate pair, which JSON can write and UTF-8 cannot."""
    return not any("\ud800" <= char <= "\udfff" for char in text)


def check_facts(facts: object, what: str, *, most: int | None = None, credentials: bool = False) -> None:
    """Refuse JSON that cannot be stored, printed and read again: nested too deeply, or with text that is no Unicode.

    With `most`, also what holds more keys and values than that. Credentials are refused too, unless they are what is
    asked for (`credentials`). Raises: InvalidError.
    """
    layer, depth, counted = [facts], 0, 0
    while layer:
        if depth > MAX_NESTING:
            raise InvalidError(f"The {what} nests lists and objects more than {MAX_NESTING} deep")
        within: list[object] = []
        for one in layer:
            if isinstance(one, Mapping):
                within += [*one.keys(), *one.values()]
            elif isinstance(one, list | tuple):
                within += one
            elif isinstance(one, str) and ("\x00" in one or not is_unicode(one)):
                raise InvalidError(f"The {what} has text that is not valid Unicode or contains a NUL character")
        layer, depth, counted = within, depth + 1, counted + len(within)
        if most is not None and counted > most:
            raise InvalidError(f"The {what} has more than {most:,} values", remedy="Attach long lists as a file")
    if not credentials:
        refuse_credentials(facts, what)


def expected(what: str, value: object) -> str:
    """The sentence about a value of the wrong kind: `expected a number, not 'high'`."""
    return f"expected {what}, not {shown(value)}"


def shown(value: object) -> str:
    """A value of a document as messages show it: scalars as YAML and JSON write them, shortened; the rest by kind."""
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str | bytes):
        return repr(value) if len(value) <= 80 else f"{value[:80]!r}…"
    written = str(value) if not isinstance(value, int) or abs(value) < 10**80 else "a number of more than 80 digits"
    return written[:80]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown word: `, did you mean 'accuracy'?`, else `: there are accuracy, loss`."""
    words = sorted(map(str, known))
    meant = nearest(word, words)
    return f", did you mean {meant!r}?" if meant else f": there are {', '.join(words)}" if words else ": there are none"


MOST_COMPARED = 1000
"""Words that one is compared with to find what was meant; each takes some 20 µs."""


def nearest(word: str, known: Iterable[str], *, alike: float = 0.6) -> str | None:
    """The one of `known` that was most likely meant by `word`; None when nothing is near.

    It is equal but for case, `-` and `_`, or the only one that begins with `word`, or at least so much `alike` by
    `difflib`'s measure (0 to 1), which is not taken of more than MOST_COMPARED words.
    """
    folded = {_folded(one): one for one in sorted(map(str, known))}
    wanted = _folded(word)
    if len(folded) > MOST_COMPARED and wanted not in folded:
        return None
    longer = [key for key in folded if key.startswith(wanted)] if len(wanted) >= 3 else []
    if wanted in folded or len(longer) == 1:
        return folded[wanted if wanted in folded else longer[0]]
    near = get_close_matches(wanted, list(folded), n=1, cutoff=alike)
    return folded[near[0]] if near else None


def _folded(word: str) -> str:
    return word[:120].casefold().replace("-", "_")


def read_day(text: str | None, name: str, *, after: int = 0) -> datetime | None:
    """The beginning of the day `text` (YYYY-MM-DD, ISO 8601) in UTC, or of that many days `after`; None for no text.

    Raises: BadFilterError naming what should be a day.
    """
    if not text:
        return None
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC) + timedelta(days=after)
    except (ValueError, OverflowError):
        raise BadFilterError(f"{name} is {text[:40]!r}, which is not a day", remedy="Write YYYY-MM-DD") from None


def read_moment(text: str, name: str) -> datetime:
    """A time with its zone (ISO 8601), or the end of a day: the first moment after it in UTC.

    Raises: BadFilterError naming what should be a day or a time.
    """
    if "T" not in text.upper():
        day = read_day(text, name, after=1)
        if day is not None:
            return day
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise BadFilterError(
            f"{name} is {text[:40]!r}, which is not a day or a time with its zone",
            remedy="Write 2026-03-14 or 2026-03-14T09:30:00Z",
        )
    return at.astimezone(UTC)
