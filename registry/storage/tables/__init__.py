"""The tables, by what they are about. Importing this package fills `metadata`."""

from registry.storage.tables.base import metadata
from registry.storage.tables.catalog import (
    alias,
    alias_move,
    asset,
    asset_tag,
    card_revision,
    dataset_version,
    extent,
    file,
    model_version,
    version,
    version_tag,
)
from registry.storage.tables.governance import (
    audit_entry,
    audit_erasure,
    audit_index,
    audit_node,
    evidence,
    overruling,
    policy,
    policy_proposal,
    policy_vote,
    request,
    vote,
)
from registry.storage.tables.graph import edge, node, weight_comparison
from registry.storage.tables.listing import document, facet, headline, listing
from registry.storage.tables.objects import damage, store_check, version_check
from registry.storage.tables.people import ended_session, idempotency_key, person, role_grant, role_offer, token
from registry.storage.tables.recalls import recall, recall_alias, recall_mark
from registry.storage.tables.reviews import emergency, emergency_review, finding, waiver, waiver_approval
from registry.storage.tables.selection import selection
from registry.storage.tables.steps import curve_point, lease, metric, mirror, step

__all__ = [
    "alias",
    "alias_move",
    "asset",
    "asset_tag",
    "audit_entry",
    "audit_erasure",
    "audit_index",
    "audit_node",
    "card_revision",
    "curve_point",
    "damage",
    "dataset_version",
    "document",
    "edge",
    "emergency",
    "emergency_review",
    "ended_session",
    "evidence",
    "extent",
    "facet",
    "file",
    "finding",
    "headline",
    "idempotency_key",
    "lease",
    "listing",
    "metadata",
    "metric",
    "mirror",
    "model_version",
    "node",
    "overruling",
    "person",
    "policy",
    "policy_proposal",
    "policy_vote",
    "recall",
    "recall_alias",
    "recall_mark",
    "request",
    "role_grant",
    "role_offer",
    "selection",
    "step",
    "store_check",
    "token",
    "version",
    "version_check",
    "version_tag",
    "vote",
    "waiver",
    "waiver_approval",
    "weight_comparison",
]
