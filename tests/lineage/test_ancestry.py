"""The digest of an ancestry, and how generations are counted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lineage import Assurance, Digest, Edge, Node, NodeKind, hops_of, lineage_digest
from lineage.graph import generation_of
from registry.domain.manifests import canonical_json

NODES = [
    Node(1, NodeKind.DATASET, "data/größe/1", Digest.of(b"data")),
    Node(2, NodeKind.STEP, "step-1", Digest.of(b"step")),
    Node(3, NodeKind.MODEL, 'a/"b"\n/1', None),
]
EDGES = [Edge(1, 2, "train", Assurance.DECLARED, "fold-1"), Edge(2, 3, "output")]


def test_the_digest_is_that_of_canonical_json_so_that_votes_of_earlier_releases_stay_valid() -> None:
    document = {
        "complete": True,
        "edges": [
            ["dataset_version data/größe/1", "transfer_step step-1", "train", "fold-1", "declared"],
            ["transfer_step step-1", 'model_version a/"b"\n/1', "output", "", "observed"],
        ],
        "nodes": sorted(
            [
                ["dataset_version data/größe/1", str(Digest.of(b"data"))],
                ["transfer_step step-1", str(Digest.of(b"step"))],
                ['model_version a/"b"\n/1', ""],
            ]
        ),
    }
    assert lineage_digest(NODES, EDGES, complete=True) == Digest.of(canonical_json(document))


def test_the_order_in_which_an_ancestry_is_read_does_not_change_its_digest() -> None:
    assert lineage_digest(NODES[::-1], EDGES[::-1], complete=True) == lineage_digest(NODES, EDGES, complete=True)


@pytest.mark.parametrize(
    "edges",
    [EDGES[:1], [replace(EDGES[0], assurance=Assurance.VERIFIED), EDGES[1]], [replace(EDGES[0], split=None), EDGES[1]]],
)
def test_any_change_of_an_edge_changes_the_digest(edges: list[Edge]) -> None:
    assert lineage_digest(NODES, edges, complete=True) != lineage_digest(NODES, EDGES, complete=True)
    assert lineage_digest(NODES, EDGES, complete=False) != lineage_digest(NODES, EDGES, complete=True)


@pytest.mark.parametrize(
    ("start", "generations"),
    [(NodeKind.MODEL, [1, 1, 2, 2, 3, 3]), (NodeKind.STEP, [1, 2, 2, 3, 3, 4])],
)
def test_two_edges_are_one_generation_and_a_step_is_half_way(start: NodeKind, generations: list[int]) -> None:
    assert [generation_of(hops, start) for hops in range(1, 7)] == generations
    for depth in range(5):
        within = [hops for hops in range(1, 12) if generation_of(hops, start) <= depth]
        assert hops_of(depth, start) == max(within, default=0)
