"""Reads object literals of JavaScript as data: minified JSON becomes JSON again. No script is run."""

from __future__ import annotations

import json
import re
from typing import Any

from registry.errors import BadArtifactError

_TOKEN = re.compile(
    r"""(?P<space>\s+)
    | (?P<string>"(?:[^"\\]|\\.)*")
    | (?P<number>-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    | (?P<truth>![01])
    | (?P<void>void\ 0)
    | (?P<word>[A-Za-z_$][\w$]*)
    | (?P<mark>[{}\[\]:,])""",
    re.VERBOSE,
)
_WORDS = {"true", "false", "null"}
_DIGITS = 400
_MOST = 500_000
"""Tokens of one literal; the description of an InceptionV3 has 30,000."""


def read_literal(text: str, start: int) -> Any:
    """The object or array that begins at `text[start]`. Raises: BadArtifactError for anything but plain data."""
    written: list[str] = []
    depth, position = 0, start
    while True:
        if len(written) > _MOST:
            raise BadArtifactError(f"The data in the script has more than {_MOST:,} values and marks")
        token = _TOKEN.match(text, position)
        if token is None:
            raise BadArtifactError(f"{text[position : position + 20]!r} is not plain data")
        position = token.end()
        found = token.group()
        written.append(_as_json(token.lastgroup or "", found, text, position))
        depth += (found in "{[") - (found in "}]") if token.lastgroup == "mark" else 0
        if depth <= 0:
            break
    try:
        return json.loads("".join(written))
    except (ValueError, RecursionError) as error:
        raise BadArtifactError(f"The data in the script cannot be read: {error}") from None


def _as_json(kind: str, found: str, text: str, end: int) -> str:
    if kind == "number":
        if len(found) > _DIGITS:
            raise BadArtifactError(f"The number {found[:20]}… has more than {_DIGITS} digits")
        return json.dumps(float(found) if re.search(r"[.eE]", found) else int(found))
    if kind == "truth":
        return "true" if found == "!0" else "false"
    if kind == "word":
        if text[end : end + 1] == ":":
            return json.dumps(found)
        if found not in _WORDS:
            raise BadArtifactError(f"{found[:40]!r} is code, where plain data was expected")
    return {"space": " ", "void": "null"}.get(kind, found)
