"""How drafts look in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from registry.cli.printing import facts, hint, moment, table
from registry.presenting.formats import size

if TYPE_CHECKING:
    from registry.domain.drafts.drafts import Draft, DraftSummary


def show_drafts(drafts: Sequence[DraftSummary]) -> None:
    """Drafts, one a line."""
    rows = [
        (str(one.name), one.files, size(one.size), one.changed_by, moment(one.changed_at), moment(one.expires_at))
        for one in drafts
    ]
    table(("Draft", "Files", "Size", "Changed by", "Changed", "Expires"), rows, empty="There are no drafts.")


def show_draft(draft: Draft) -> None:
    """A draft and its files."""
    one = draft.summary
    facts(
        f"Draft of models:/{one.name}",
        {
            "Commit": one.head,
            "Begun": f"{moment(one.created_at)} by {one.created_by}",
            "Changed": f"{moment(one.changed_at)} by {one.changed_by}",
            "Expires": moment(one.expires_at),
        },
    )
    table(
        ("File", "Size", "SHA-256"),
        [(file.path, size(file.size), file.sha256.short) for file in draft.files],
        empty="It has no files yet.",
    )
    hint(f"Make a version of it: forebear register {one.name}")
