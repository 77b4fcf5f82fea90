"""How the sources of versions look in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from registry.cli.printing import facts, moment, table
from registry.cli.views.governance.reviews import show_findings

if TYPE_CHECKING:
    from registry.domain.governance.upstream import Pinned, UpstreamCheck


def show_pinned(pinned: Sequence[Pinned]) -> None:
    """Versions with their sources, one a line."""
    rows = [(one.ref, one.upstream, one.licence, moment(one.imported_at)) for one in pinned]
    table(("Version", "Source", "Licence", "Imported"), rows, empty="No version says which repository it came from.")


def show_check(check: UpstreamCheck) -> None:
    """What was compared, and what is new."""
    facts(
        "Upstream",
        {
            "versions compared": check.versions,
            "new findings": len(check.raised),
            "known already": check.known,
            "not a source here": ", ".join(check.unused),
        },
    )
    if check.raised:
        show_findings(check.raised)
