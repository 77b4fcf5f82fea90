"""Standard output and error as they are: terminals that cannot write every character, and readers that leave early."""

from __future__ import annotations

import codecs
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

PLAIN = {
    "…": "...", "→": "->", "←": "<-", "↑": "^", "✓": "+", "✗": "x", "•": "*", "–": "-", "—": "-", "−": "-", "×": "x",
    "≥": ">=", "≤": "<=", "·": "-", "‘": "'", "’": "'", "“": '"', "”": '"', "━": "-", "─": "-", "│": "|", "┤": "|",
    "├": "|", "└": "`", "╸": "-", "╺": "-",
}  # fmt: skip
"""What is written for characters of ours that an encoding does not have; for any other, a question mark."""
CLOSED_PIPE = 1
"""Exit code when whoever read the output has gone, as of Python's own tools."""


def _plainly(error: UnicodeError) -> tuple[str, int]:
    """An error handler of codecs: `PLAIN` for what cannot be encoded."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(PLAIN.get(character, "?") for character in error.object[error.start : error.end]), error.end


codecs.register_error("forebear.plain", _plainly)


@contextmanager
def ready_streams() -> Iterator[None]:
    """Write characters that the terminal cannot show in a plainer form; end quietly when a pipe was closed."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="forebear.plain")
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more as it ends
        sys.exit(CLOSED_PIPE)


def is_unicode() -> bool:
    """True where standard output takes every character."""
    return (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("-", "").startswith("utf")


def write_document(text: str) -> None:
    """Write a document byte for byte as UTF-8 where it goes into a file or a pipe, whatever the terminal's encoding."""
    if isinstance(sys.stdout, io.TextIOWrapper) and not sys.stdout.isatty():
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode(errors="surrogateescape"))
    else:
        sys.stdout.write(text)
