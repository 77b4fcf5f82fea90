"""How reports look in a terminal, and the folder of a technical documentation."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from registry.cli.printing import hint, moment, table, tell
from registry.domain.codec import to_json
from registry.domain.governance.policies.terms import Tier
from registry.domain.names import Reference
from registry.errors import ConflictError
from registry.files import whole_folder
from registry.folders import error_of_disk
from registry.presenting.formats import counted

if TYPE_CHECKING:
    from registry.domain.governance.reports.annex_iv import AnnexIv
    from registry.domain.governance.reports.inventory import InventoryLine
    from registry.domain.verbs.registry import Registry

_ORDER = [one.value for one in Tier]


def by_tier(lines: Iterable[InventoryLine]) -> list[InventoryLine]:
    """The highest risk first, versions without a known tier last; by name within."""
    rank = {name: number for number, name in enumerate(_ORDER)}
    return sorted(lines, key=lambda one: (rank.get(one.tier, len(rank)), one.ref))


def show_inventory(lines: Sequence[InventoryLine]) -> None:
    """One version a line."""
    rows = [
        (
            one.tier,
            one.ref,
            one.stage,
            moment(one.since) if one.since else "",
            one.owner,
            ", ".join(one.approvers),
            one.policy,
            str(len(one.findings)),
            str(len(one.waivers)),
            f"{one.attest_by:%Y-%m-%d}" if one.attest_by else "",
            one.licence,
            "; ".join(one.gaps),
        )
        for one in lines
    ]
    columns = (
        *("Tier", "Version", "Stage", "Since", "Owner", "Approved by", "Policy", "Findings", "Waivers", "Attest by"),
        *("Licence", "Not on record"),
    )
    drop = ("Licence", "Waivers", "Policy", "Since", "Attest by")
    table(columns, rows, empty="No version is in an approved stage.", drop=drop, prose="Not on record")
    if rows:
        hint("All columns: forebear inventory --format csv")


def write_annex(registry: Registry, found: AnnexIv, out: Path) -> None:
    """The folder. Raises: ConflictError for one that is not empty, NoSpaceError, UnavailableError."""
    from registry.domain.governance.reports.annex_iv import as_markdown

    ref = Reference.to(found.ref)
    detail = registry.catalog.version(ref)
    files = {
        "annex-iv.md": as_markdown(found),
        "annex-iv.json": _text(found),
        "card.md": detail.card.text if detail.card is not None else None,
        "step.json": _text(registry.transfers.step(detail.step)),
        "evidence.json": _text(registry.promotions.evidence(ref)),
    }
    try:
        if out.exists() and any(out.iterdir()):
            raise ConflictError(f"The folder {out} is not empty", remedy="Give a new folder")
        with whole_folder(out) as folder:
            for name, text in files.items():
                if text is not None:
                    (folder / name).write_text(text, "utf-8")
    except OSError as error:
        raise error_of_disk(error, f"{out} cannot be written") from error


def show_annex(found: AnnexIv, out: Path) -> None:
    """Where it is, and what is not on record."""
    asked = sum(len(one.asked) for one in found.points)
    tell(f"Wrote the technical documentation of {found.ref} into {out}: {asked - found.gaps} of {asked} answered")
    rows = [(point.number, gap) for point in found.points for gap in point.gaps]
    table(("Point", f"Not on record ({counted(len(rows), 'gap')})"), rows, empty="Nothing is missing.")


def _text(value: object) -> str:
    return json.dumps(to_json(value), indent=2, ensure_ascii=False) + "\n"
