"""A family tree in a terminal."""

from __future__ import annotations

import pytest

from lineage import Assurance, Edge, Node, NodeKind
from registry.cli.views.lineage.trees import show_ancestry, show_path
from registry.domain.verbs.lineage import Ancestry

NODES = (
    Node(1, NodeKind.MODEL, "library/lite0/1", facts={"licence": "Apache-2.0"}),
    Node(2, NodeKind.DATASET, "data/digits/1"),
    Node(3, NodeKind.STEP, "step-1", facts={"method": "fine_tuning"}),
    Node(4, NodeKind.MODEL, "vision/[bold]/1"),
)
EDGES = (
    Edge(1, 3, "source", Assurance.DECLARED),
    Edge(2, 3, "train", split="train"),
    Edge(2, 3, "test", split="test"),
    Edge(3, 4, "output"),
)


def test_ancestors_are_drawn_with_role_and_assurance(capsys: pytest.CaptureFixture[str]) -> None:
    show_ancestry(Ancestry(4, NODES, EDGES, complete=True), up=True, down=False)
    assert capsys.readouterr().out.splitlines() == [
        "vision/[bold]/1",
        "└─ step-1 (fine_tuning)",
        "   ├─ train, test: data/digits/1 [observed]",
        "   └─ source: library/lite0/1 (Apache-2.0) [declared]",
    ]


def test_the_tree_marks_what_is_recalled_tainted_and_contradicted(capsys: pytest.CaptureFixture[str]) -> None:
    marked = (
        Node(1, NodeKind.MODEL, "library/lite0/1", facts={"status": "recalled"}),
        NODES[2],
        Node(4, NodeKind.MODEL, "vision/digits/1", facts={"status": "suspended", "taint": "tainted"}),
    )
    edges = (Edge(1, 3, "source", Assurance.CONTRADICTED), EDGES[3])
    show_ancestry(Ancestry(4, marked, edges, complete=True), up=True, down=False)
    assert capsys.readouterr().out.splitlines() == [
        "⚠ vision/digits/1 (suspended · tainted)",
        "└─ step-1 (fine_tuning)",
        "   └─ source: ✕ library/lite0/1 (recalled) [contradicted]",
    ]


def test_descendants_are_drawn_from_the_same_focus(capsys: pytest.CaptureFixture[str]) -> None:
    show_ancestry(Ancestry(1, NODES, EDGES, complete=True), up=False, down=True)
    assert capsys.readouterr().out.splitlines()[0] == "library/lite0/1 (Apache-2.0)"


def test_a_partial_lineage_says_that_it_is_partial(capsys: pytest.CaptureFixture[str]) -> None:
    show_ancestry(Ancestry(4, NODES, EDGES, complete=False), up=True, down=False)
    assert "only the nearest nodes are shown" in capsys.readouterr().err


def test_a_path_is_drawn_from_the_ancestor_down(capsys: pytest.CaptureFixture[str]) -> None:
    way = (EDGES[0], EDGES[3])
    show_path(Ancestry(4, (NODES[0], NODES[2], NODES[3]), way, complete=True))
    assert capsys.readouterr().out.splitlines() == [
        "library/lite0/1 (Apache-2.0)",
        "└─ step-1 (fine_tuning) [declared]",
        "   └─ vision/[bold]/1",
    ]
