"""Twenty reviews, other data made of their rows, and what is said of it."""

from __future__ import annotations

from pathlib import Path

from registry.domain.governance.reviews.findings import Finding
from registry.domain.names import Reference
from registry.services.context import Context
from registry.services.governance.reviews.verbs import Reviews
from registry.services.lineage.verbs import Lineage

ORIGINAL = Reference.parse("datasets:/data/reviews/1")


def lines(tmp_path: Path) -> list[str]:
    """Of the table, without its head."""
    return (tmp_path / "data" / "reviews.csv").read_text().splitlines()[1:]


def table(tmp_path: Path, name: str, rows: list[str]) -> Path:
    head = (tmp_path / "data" / "reviews.csv").read_text().splitlines()[0]
    file = tmp_path / "data" / f"{name}.csv"
    file.write_text("\n".join([head, *rows]) + "\n")
    return file


def marks(context: Context, name: str) -> dict[str, str]:
    """By mark, why it is there."""
    found = Lineage(context).marks(Reference.parse(name))
    return {one.mark: one.reason for one in found.marks}


def findings(context: Context, name: str) -> list[Finding]:
    return list(Reviews(context).findings(reference=Reference.parse(f"datasets:/data/{name}/1")).items)
