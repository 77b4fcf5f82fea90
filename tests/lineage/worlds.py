"""Small family trees to ask questions of: one drawn by hand, and any that Hypothesis thinks of."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st

from lineage import Assurance, Digest, Edge, Graph, Node, NodeKind

LAW = settings(deadline=None)
"""A law holds on a busy machine too."""
KINDS = {"m": NodeKind.MODEL, "d": NodeKind.DATASET, "s": NodeKind.STEP}


def draw(text: str) -> tuple[Graph, dict[str, int]]:
    """A graph from lines such as `m.lite0 -source-> s.probe`; the letter before the dot is the kind of node.

    `-role~>` is a declared edge, `-role=>` a verified one, `-role->` an observed one. Also gives each name's id.
    """
    ids: dict[str, int] = {}
    edges: list[Edge] = []
    arrows = {"~": Assurance.DECLARED, "=": Assurance.VERIFIED}
    for line in text.split("\n"):
        if line.strip():
            source, arrow, target = line.split()
            for name in (source, target):
                ids.setdefault(name, 100 + len(ids))
            assurance = arrows.get(arrow[-2], Assurance.OBSERVED)
            role, _, split = arrow.strip("-~=>").partition("/")
            edges.append(Edge(ids[source], ids[target], role, assurance, split or None))
    nodes = [Node(key, KINDS[name[0]], name[2:], Digest.of(name.encode())) for name, key in ids.items()]
    return Graph(nodes, edges), {name[2:]: key for name, key in ids.items()}


FAMILY = """
    s.import-lite0 -output-> m.lite0
    s.import-minilm -output-> m.minilm
    s.add-mnist -output-> d.mnist
    m.lite0 -source=> s.probe
    d.mnist -train/train-> s.probe
    d.mnist -test/test-> s.probe
    s.probe -output-> m.digits-probe
    m.digits-probe -source-> s.tune
    d.mnist -train/train-> s.tune
    s.tune -output-> m.digits
    m.lite0 -source~> s.distil
    m.digits -teacher-> s.distil
    s.distil -output-> m.small
"""


@st.composite
def graphs(draw_one: st.DrawFn, *, most: int = 24) -> Graph:
    """Any acyclic graph whose edges join steps with versions; parallel edges in other roles among them."""
    count = draw_one(st.integers(1, most))
    kinds = draw_one(st.lists(st.sampled_from(NodeKind), min_size=count, max_size=count))
    ids = draw_one(st.lists(st.integers(1, 2**63 - 1), min_size=count, max_size=count, unique=True))
    nodes = [Node(key, kind, f"{kind[0]}{number}") for number, (key, kind) in enumerate(zip(ids, kinds, strict=True))]
    pairs = [
        (one, two)
        for i, one in enumerate(nodes)
        for two in nodes[i + 1 :]
        if (one.kind is NodeKind.STEP) != (two.kind is NodeKind.STEP)
    ]
    chosen = draw_one(st.lists(st.sampled_from(pairs), max_size=3 * most)) if pairs else []
    roles = st.sampled_from(["source", "train", "test"])
    edges = [Edge(one.id, two.id, draw_one(roles), draw_one(st.sampled_from(Assurance))) for one, two in chosen]
    return Graph(draw_one(st.permutations(nodes)), edges)


def chain(generations: int) -> Graph:
    """model 0 -> step -> model 1 -> step -> …: even ids are models, odd ones steps."""
    nodes = [Node(n, NodeKind.STEP if n % 2 else NodeKind.MODEL, f"n{n}") for n in range(2 * generations + 1)]
    return Graph(nodes, [Edge(n, n + 1, "output" if n % 2 else "source") for n in range(2 * generations)])
