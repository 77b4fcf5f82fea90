"""A notice as the file that goes with a model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lineage.outline import plain

if TYPE_CHECKING:
    from registry.domain.catalog.notices import Notice, NoticePart

LINE = "-" * 80


def as_text(notice: Notice) -> str:
    """Who is named, then each text once, then what is not on record."""
    return "\n".join(_lines(notice)) + "\n"


def _lines(notice: Notice) -> Iterator[str]:
    yield f"NOTICE for {notice.ref.label}"
    yield ""
    yield "It is made from, or is itself:"
    for part in notice.parts:
        yield ""
        yield from _part(part)
    for text in notice.texts:
        standard = f"The standard text of {text.standard}, from the SPDX list; its blanks are nobody's copyright lines"
        yield from ("", LINE, plain(standard if text.standard else "; ".join(text.found_in)), LINE, "")
        yield from (plain(line) for line in text.text.splitlines())
    if notice.missing or not notice.complete:
        yield from ("", LINE, "Not on record; it has to be added by hand:", LINE, "")
        yield from (plain(f"- {one}.") for one in notice.missing)
    if not notice.complete:
        yield "- The ancestry is larger than what was read: there may be more."


def _part(part: NoticePart) -> Iterator[str]:
    yield plain(f"{part.label}: {part.licence}")
    if part.source:
        yield plain(f"  from {part.source}")
    yield from (plain(f"  {line}") for line in part.copyright)
