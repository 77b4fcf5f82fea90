"""How objects are shown in a notebook: a small table, every text escaped."""

from __future__ import annotations

import html
from collections.abc import Mapping
from datetime import datetime


def shown(title: str, facts: Mapping[str, object]) -> str:
    """`title` over a table of facts, as HTML; what is empty is left out."""
    rows = "".join(
        f"<tr><th style='text-align:left'>{html.escape(name)}</th><td>{html.escape(_plain(value))}</td></tr>"
        for name, value in facts.items()
        if value not in (None, "", (), [], {})
    )
    return f"<b>{html.escape(title)}</b><table>{rows}</table>"


def _plain(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={_plain(item)}" for key, item in value.items())
    if isinstance(value, tuple | list):
        return ", ".join(_plain(item) for item in value)
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:%Y-%m-%d %H:%M} UTC" if isinstance(value, datetime) else str(value)
