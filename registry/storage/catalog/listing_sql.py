"""What the rows that a search reads must be, as SQL over the tables of models, for both databases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

FIELDS = ("task", "modality", "stage", "status", "licence", "origin", "owner")
"""The columns of `listing` that can be filtered and are counted."""


@dataclass(frozen=True, slots=True)
class Contents:
    """The statements that give the rows of one table: all of them, those of one model, those of one version."""

    columns: str
    everything: str
    of_asset: str = ""
    of_version: str = ""


_LISTED = """
SELECT v.node_id AS id, a.id AS asset_id, v.number, a.task, a.modality, a.origin, a.owner, v.licence, m.stage, m.status
FROM asset a JOIN version v ON v.asset_id = a.id JOIN model_version m ON m.node_id = v.node_id
WHERE a.kind = 'models' AND a.deleted_at IS NULL AND v.deleted_at IS NULL"""
_EMPTY = """
SELECT -a.id, a.id, 0, a.task, a.modality, a.origin, a.owner, NULL, NULL, NULL FROM asset a
WHERE a.kind = 'models' AND a.deleted_at IS NULL
AND NOT EXISTS (SELECT 1 FROM version v WHERE v.asset_id = a.id AND v.deleted_at IS NULL)"""
_HEADLINES = """
SELECT l.id, h.name, l.asset_id, h.value FROM listing l JOIN version v ON v.node_id = l.id
JOIN metric h ON h.step_id = v.step_id AND h.role = 'test' AND h.value IS NOT NULL
WHERE h.id = (SELECT min(f.id) FROM metric f WHERE f.step_id = h.step_id AND f.name = h.name AND f.role = 'test')"""


def facets(fields: Sequence[str] = (*FIELDS, "tag"), among: str = "") -> str:
    """The rows of `facet` for `fields`; with `among`, a query for keys of models, those models' share of the counts."""
    return " UNION ALL ".join(_tags(among) if field == "tag" else _counted(field, among) for field in fields)


def _counted(field: str, among: str) -> str:
    used = "" if field == "status" else " AND (status <> 'archived' OR status IS NULL)"
    mine = f" AND asset_id IN ({among})" if among else ""
    return (
        f"SELECT '{field}' AS field, {field} AS value, count(DISTINCT asset_id) AS models FROM listing "  # noqa: S608 - our own names
        f"WHERE {field} IS NOT NULL{used}{mine} GROUP BY {field}"
    )


def _tags(among: str) -> str:
    of_model = f" AND t.asset_id IN ({among})" if among else ""
    of_version = f" AND l.asset_id IN ({among})" if among else ""
    return f"""
SELECT 'tag' AS field, t.tag AS value, count(*) AS models FROM (
SELECT t.asset_id, t.key AS tag FROM asset_tag t WHERE EXISTS
(SELECT 1 FROM listing l WHERE l.asset_id = t.asset_id AND (l.status <> 'archived' OR l.status IS NULL)){of_model}
UNION SELECT l.asset_id, t.key AS tag FROM version_tag t
JOIN listing l ON l.id = t.node_id AND l.status <> 'archived'{of_version}
) t GROUP BY t.tag"""  # noqa: S608 - our own names


CONTENTS = {
    "listing": Contents(
        "id, asset_id, number, task, modality, origin, owner, licence, stage, status",
        f"{_LISTED} UNION ALL {_EMPTY}",
        f"{_LISTED} AND a.id = :asset UNION ALL {_EMPTY} AND a.id = :asset",
        f"{_LISTED} AND v.node_id = :node",
    ),
    "headline": Contents(
        "listing_id, name, asset_id, value",
        _HEADLINES,
        f"{_HEADLINES} AND l.asset_id = :asset",
        f"{_HEADLINES} AND l.id = :node",
    ),
    "facet": Contents("field, value, models", facets()),
}
"""By table, in the order in which they are filled: each may read the ones before it."""
