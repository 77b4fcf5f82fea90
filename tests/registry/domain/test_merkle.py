"""The Merkle tree of RFC 6962: the vectors of Certificate Transparency, and every proof of every small tree."""

from __future__ import annotations

import hashlib

import pytest

from registry.domain.merkle import Nodes, consistency_path, inclusion_path, peak_places, subtree
from registry.domain.verifier import Tree, UnreadableError, consistent, includes, leaf_hash

LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
"""Of google/certificate-transparency, `merkletree/merkle_tree_test.cc`, in hexadecimal."""
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
A = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
B = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
C = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
D = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
E = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
F = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
FOUR = ROOTS[3]


def tree_of(leaves: list[bytes]) -> tuple[Tree, Nodes]:
    """A tree that has grown leaf by leaf, and its whole subtrees."""
    tree = Tree()
    nodes = {(0, place): leaf for place, leaf in enumerate(leaves)}
    for leaf in leaves:
        nodes.update({(level, place): node for level, place, node in tree.append(leaf)})
    return tree, lambda level, place: nodes[level, place]


def hashes(*bodies: str) -> list[bytes]:
    return [leaf_hash(bytes.fromhex(body)) for body in bodies]


def test_the_roots_are_those_of_the_vectors_of_certificate_transparency() -> None:
    assert Tree().root() == hashlib.sha256().digest()
    for size, root in enumerate(ROOTS, start=1):
        assert tree_of(hashes(*LEAVES[:size]))[0].root().hex() == root


@pytest.mark.parametrize(
    ("seq", "size", "path"),
    [(1, 1, []), (1, 8, [A, B, C]), (6, 8, [D, E, FOUR]), (3, 3, [ROOTS[1]])],
)
def test_inclusion_proofs_are_those_of_the_vectors(seq: int, size: int, path: list[str]) -> None:
    _, nodes = tree_of(hashes(*LEAVES))
    assert [one.hex() for one in inclusion_path(nodes, seq - 1, size)] == path


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [(1, 1, []), (1, 8, [A, B, C]), (6, 8, [F, E, FOUR]), (2, 5, [B, D])],
)
def test_consistency_proofs_are_those_of_the_vectors(old: int, new: int, path: list[str]) -> None:
    _, nodes = tree_of(hashes(*LEAVES))
    assert [one.hex() for one in consistency_path(nodes, old, new)] == path


def test_every_proof_of_every_small_tree_holds_and_no_proof_holds_for_anything_else() -> None:
    leaves = [leaf_hash(bytes([number])) for number in range(20)]
    _, nodes = tree_of(leaves)
    roots = {size: tree_of(leaves[:size])[0].root() for size in range(1, 21)}
    for size, root in roots.items():
        assert subtree(nodes, 0, size) == root
        for index in range(size):
            path = inclusion_path(nodes, index, size)
            assert includes(leaves[index], index, size, path, root)
            assert not includes(leaves[index - 1], index, size, path, root) or size == 1
            assert not includes(leaves[index], index + 1, size, path, root)
            assert not includes(leaves[index], index, size, [*path, root], root)
            assert not includes(leaves[index], index, size, path[:-1], root) or size == 1
        for old in range(1, size + 1):
            path = consistency_path(nodes, old, size)
            assert consistent(old, roots[old], size, root, path)
            assert not consistent(old, leaves[0][::-1], size, root, path)
            assert not consistent(old, roots[old], size, leaves[0][::-1], path)
            assert not consistent(old, roots[old], size, root, [*path, root])


def test_proofs_about_what_a_tree_does_not_have_are_refused() -> None:
    _, nodes = tree_of(hashes(*LEAVES))
    with pytest.raises(ValueError, match="no leaf 8"):
        inclusion_path(nodes, 8, 8)
    with pytest.raises(ValueError, match="does not begin"):
        consistency_path(nodes, 0, 8)
    assert not includes(b"", -1, 8, [], b"")
    assert not consistent(0, b"", 8, b"", [])
    assert not consistent(3, b"", 5, b"", [])


def test_a_tree_goes_on_from_its_peaks_as_if_it_had_never_stopped() -> None:
    leaves = [leaf_hash(bytes([number])) for number in range(20)]
    for size in range(20):
        _, nodes = tree_of(leaves)
        tree = Tree(size, [nodes(level, place) for level, place in peak_places(size)])
        for leaf in leaves[size:]:
            list(tree.append(leaf))
        assert tree.root() == tree_of(leaves)[0].root()
    with pytest.raises(UnreadableError, match="2 peaks"):
        Tree(3, [b""])
