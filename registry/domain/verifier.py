"""Verify an export of Forebear's audit log without Forebear: Python 3.11, its standard library and `cryptography`.

    python verify.py audit.jsonl --checkpoint checkpoints.txt --pubkey public-key.txt
    python verify.py --proof proof.json --pubkey public-key.txt

Forebear copies this file beside every export, and uses it itself. It imports nothing of Forebear. The tree is that of
RFC 6962 (RFC 9162) section 2.1; a checkpoint is a C2SP `tlog-checkpoint`, a note signed with Ed25519 (C2SP
`signed-note`).
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GENESIS = hashlib.sha256(b"forebear/audit/v1").digest()
"""The hash that stands before the first entry."""
ED25519 = b"\x01"
"""The kind of signature in the keys of signed notes."""
_DASH = "— "
_HASH_LENGTH, _SIGNATURE_LENGTH = 32, 64
Node = tuple[int, int, bytes]
"""Level, index, hash."""


class UnreadableError(ValueError):
    """A file is not what it should be; the message says where."""


# --- the tree ------------------------------------------------------------------------------------------------------


def leaf_hash(body: bytes) -> bytes:
    """RFC 6962: SHA-256(0x00 || body)."""
    return hashlib.sha256(b"\x00" + body).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """RFC 6962: SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """A tree that grows by one leaf at a time. It holds one hash for each bit of its size."""

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        """`peaks` are the whole subtrees of a tree of `size` leaves, the largest first."""
        if len(peaks) != size.bit_count():
            raise UnreadableError(f"A tree of {size} leaves has {size.bit_count()} peaks, not {len(peaks)}")
        self.size = size
        self._peaks = list(peaks)

    def append(self, leaf: bytes) -> list[Node]:
        """Add a leaf; gives every node of level 1 and above that it completes."""
        node, level, made = leaf, 0, list[Node]()
        while self.size >> level & 1:
            node, level = node_hash(self._peaks.pop(), node), level + 1
            made.append((level, self.size >> level, node))
        self._peaks.append(node)
        self.size += 1
        return made

    def root(self) -> bytes:
        """The root hash; SHA-256 of nothing for an empty tree."""
        if not self._peaks:
            return hashlib.sha256().digest()
        *rest, root = self._peaks
        for peak in reversed(rest):
            root = node_hash(peak, root)
        return root


def includes(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether `path` proves that `leaf` is the leaf `index` of the tree (RFC 9162 section 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    node, at, last = leaf, index, size - 1
    for step in path:
        if last == 0:
            return False
        if at & 1 or at == last:
            node = node_hash(step, node)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            node = node_hash(node, step)
        at, last = at >> 1, last >> 1
    return last == 0 and node == root


def consistent(old: int, old_root: bytes, new: int, new_root: bytes, path: Sequence[bytes]) -> bool:
    """Whether `path` proves that the tree of `new` leaves begins with that of `old` (RFC 9162 section 2.1.4.2)."""
    if not 0 < old <= new:
        return False
    if old == new:
        return not path and old_root == new_root
    steps = [old_root, *path] if old & (old - 1) == 0 else list(path)
    if not steps:
        return False
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    before = after = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            before, after = node_hash(step, before), node_hash(step, after)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            after = node_hash(after, step)
        at, last = at >> 1, last >> 1
    return last == 0 and before == old_root and after == new_root


# --- keys and checkpoints ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PublicKey:
    """A key that checks signatures, written `NAME+ID+BASE64` (C2SP signed-note)."""

    name: str
    raw: bytes

    @property
    def id(self) -> bytes:
        """The four bytes that a signature names its key by."""
        return hashlib.sha256(self.name.encode() + b"\n" + ED25519 + self.raw).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(ED25519 + self.raw).decode()}"

    @classmethod
    def parse(cls, text: str) -> PublicKey:
        """Raises: UnreadableError."""
        name, _, rest = text.strip().partition("+")
        number, _, encoded = rest.partition("+")
        raw = _decoded(encoded)
        key = cls(name, raw[1:])
        if not name or raw[:1] != ED25519 or len(key.raw) != _HASH_LENGTH or key.id.hex() != number:
            raise UnreadableError(f"{text.strip()[:80]!r} is not a public key of a signed note")
        return key

    def signed(self, text: str, signature: bytes) -> bool:
        """Whether `signature` is that of this key over `text`."""
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - it takes a while to load
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415 - as above

        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, text.encode())
        except InvalidSignature:
            return False
        return True


def read_keys(text: str) -> list[PublicKey]:
    """Public keys, one a line. Raises: UnreadableError."""
    return [PublicKey.parse(line) for line in text.splitlines() if line.strip()]


def written_keys(keys: Iterable[PublicKey]) -> str:
    """As `read_keys` reads them."""
    return "".join(f"{key}\n" for key in keys)


@dataclass(frozen=True)
class Checkpoint:
    """The root of the tree over the first `size` entries, with its signatures by key name and id."""

    origin: str
    size: int
    root: bytes
    signatures: tuple[tuple[str, bytes, bytes], ...] = ()

    @property
    def text(self) -> str:
        """What is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    def __str__(self) -> str:
        lines = (f"{_DASH}{name} {base64.b64encode(key + one).decode()}\n" for name, key, one in self.signatures)
        return f"{self.text}\n{''.join(lines)}"

    def flaw(self, keys: Iterable[PublicKey]) -> str | None:
        """Why none of `keys` vouches for it, or None."""
        by = {(key.name, key.id): key for key in keys}
        for name, number, signature in self.signatures:
            key = by.get((name, number))
            if key is not None:
                if name == self.origin and key.signed(self.text, signature):
                    return None
                return f"The signature of the checkpoint of {self.size} entries is wrong"
        signed = ", ".join(f"{name}+{number.hex()}" for name, number, _ in self.signatures) or "nobody"
        return f"The checkpoint of {self.size} entries is signed by {signed}, whose public key was not given"


def read_checkpoints(text: str) -> list[Checkpoint]:
    """All checkpoints of a file: signed notes, each with an empty line after it. Raises: UnreadableError."""
    blocks = [block for block in text.split("\n\n") if block.strip()]
    if len(blocks) % 2:
        raise UnreadableError("A checkpoint has a text, an empty line and signatures; the last one has no signatures")
    return [_checkpoint(*blocks[at : at + 2]) for at in range(0, len(blocks), 2)]


def written_checkpoints(checkpoints: Iterable[Checkpoint]) -> str:
    """As `read_checkpoints` reads them."""
    return "".join(f"{one}\n" for one in checkpoints)


def _checkpoint(body: str, signatures: str) -> Checkpoint:
    lines = body.strip("\n").split("\n")
    if len(lines) != 3 or not lines[1].isdecimal() or len(root := _decoded(lines[2])) != _HASH_LENGTH:
        raise UnreadableError(f"{lines[0][:80]!r} does not begin a checkpoint: name, number of entries, root hash")
    return Checkpoint(
        lines[0], int(lines[1]), root, tuple(_signature(one) for one in signatures.strip("\n").split("\n"))
    )


def _signature(line: str) -> tuple[str, bytes, bytes]:
    name, _, encoded = line.removeprefix(_DASH).rpartition(" ")
    raw = _decoded(encoded)
    if not line.startswith(_DASH) or not name or len(raw) != 4 + _SIGNATURE_LENGTH:
        raise UnreadableError(f"{line[:80]!r} is not the signature of a checkpoint")
    return name, raw[:4], raw[4:]


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise UnreadableError(f"{text[:80]!r} is not base64") from None


# --- the log -------------------------------------------------------------------------------------------------------

Fault = tuple[int, str]
"""The first entry that is not right, and why."""


class Witness:
    """Compares a log, entry by entry, with what checkpoints say of it."""

    def __init__(self, checkpoints: Iterable[Checkpoint], keys: Sequence[PublicKey]) -> None:
        self._tree = Tree()
        self._waiting = sorted(checkpoints, key=lambda one: one.size, reverse=True)
        self._keys = keys
        self._covered = 0
        self.agreed = 0
        """Checkpoints that the log agreed with."""

    def add(self, leaf: bytes) -> Fault | None:
        """The next entry of the log, by its leaf hash."""
        self._tree.append(leaf)
        size = self._tree.size
        if not self._waiting or self._waiting[-1].size > size:
            return None
        first = self._covered + 1
        while self._waiting and self._waiting[-1].size <= size:
            one = self._waiting.pop()
            flaw = one.flaw(self._keys)
            if flaw is not None:
                return first, flaw
            if one.size < size or one.root != self._tree.root():
                return first, f"{span(first, size)} not what the checkpoint of {one.size} entries was signed for"
            self._covered = size
            self.agreed += 1
        return None

    def end(self) -> Fault | None:
        """The log has no further entry."""
        if not self._waiting:
            return None
        count, largest = self._tree.size, self._waiting[0].size
        flaw = self._waiting[-1].flaw(self._keys)
        return count + 1, flaw or f"{span(count + 1, largest)} missing: a checkpoint of {largest} entries was signed"


def span(first: int, last: int) -> str:
    """`Entry 3 is`, or `Entries 3 to 5 are`."""
    return f"Entry {first} is" if first == last else f"Entries {first} to {last} are"


def chain_hash(previous: bytes, leaf: bytes) -> bytes:
    """The hash of an entry: SHA-256 over the previous entry's hash and the leaf hash."""
    return hashlib.sha256(previous + leaf).digest()


ERASED = "person.erased"
"""The action of the entry that says which entries were erased in part."""


class Erasures:
    """Entries from which a person was erased: their hashes stay, and a later entry has the hash of what is left."""

    def __init__(self) -> None:
        self._left: dict[int, tuple[bytes, bytes]] = {}
        self._open = set[int]()

    def changed(self, seq: int, body: bytes, previous: bytes) -> None:
        """The body of this entry is not the one that its hash was made over."""
        self._left[seq] = leaf_hash(body), previous
        self._open.add(seq)

    def read(self, seq: int, body: Any) -> None:
        """An entry, as JSON: does it say what was erased before it?"""
        if body.get("action") != ERASED:
            return
        named = body.get("detail", {}).get("entries", {})
        for number, left in named.items() if isinstance(named, dict) else ():
            found = int(number) if number.isdecimal() else 0
            if found < seq and found in self._open and self._left[found][0].hex() == left:
                self._open.remove(found)

    @property
    def count(self) -> int:
        """Entries that were changed, as far as was read."""
        return len(self._left)

    def fault(self) -> tuple[int, bytes, Fault] | None:
        """The first changed entry that no later one accounts for: entries before it, their last hash, and the fault."""
        if not self._open:
            return None
        first = min(self._open)
        return first - 1, self._left[first][1], (first, f"The body of entry {first} was changed")


def verify_export(lines: Iterable[bytes], witness: Witness) -> tuple[int, bytes, Fault | None]:
    """How many entries are right, the hash of the last of them, and the first fault."""
    erasures = Erasures()
    found = _verify_lines(lines, witness, erasures)
    return erasures.fault() or found


def _verify_lines(lines: Iterable[bytes], witness: Witness, erasures: Erasures) -> tuple[int, bytes, Fault | None]:
    count, head = 0, GENESIS
    for line in lines:
        seq = count + 1
        try:
            parts = json.loads(line)
            body, read = str(parts["body"]).encode(), json.loads(parts["body"])
            number = read["seq"]
            previous, leaf, entry = (bytes.fromhex(parts[name]) for name in ("previous", "leaf", "entry"))
        except (ValueError, KeyError, TypeError):
            return count, head, (seq, f"Line {seq} is not an entry of an audit log")
        reason = _flaw(seq, parts["seq"], number, head, previous)
        if reason is None and leaf_hash(body) != leaf:
            erasures.changed(seq, body, head)
        if reason is None and chain_hash(previous, leaf) != entry:
            reason = f"The hash of entry {seq} was changed"
        fault = (seq, reason) if reason is not None else witness.add(leaf)
        if fault is not None:
            return count, head, fault
        erasures.read(seq, read)
        count, head = seq, entry
    return count, head, witness.end()


def _flaw(expected: int, seq: Any, number: Any, head: bytes, previous: bytes) -> str | None:
    if seq != expected:
        return f"Entry {expected} is missing: the next line is entry {seq}"
    if number != seq:
        return f"The body of entry {seq} says that it is entry {number}"
    if previous != head:
        return f"Entry {seq} does not follow entry {seq - 1}"
    return None


def verify_proof(text: str, keys: Sequence[PublicKey]) -> str:
    """What a proof shows, as a sentence. Raises: UnreadableError for one that shows nothing."""
    try:
        parts = json.loads(text)
        path = [base64.b64decode(one, validate=True) for one in parts["path"]]
        (new,) = read_checkpoints(parts["checkpoint"])
        old = read_checkpoints(parts["former"])[0] if parts.get("former") else None
        seq, body = parts.get("seq"), str(parts.get("body")).encode()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnreadableError(f"This is not a proof of Forebear: {error}") from error
    for one in filter(None, (old, new)):
        flaw = one.flaw(keys)
        if flaw is not None:
            raise UnreadableError(flaw)
    if old is not None:
        if not consistent(old.size, old.root, new.size, new.root, path):
            raise UnreadableError(f"The log of {new.size} entries does not begin with that of {old.size}")
        return f"The log of {new.size} entries begins with the log of {old.size} entries, unchanged"
    if type(seq) is not int or not includes(leaf_hash(body), seq - 1, new.size, path, new.root):
        raise UnreadableError(f"Entry {seq} is not in the log of {new.size} entries")
    return f"Entry {seq} is in the log of {new.size} entries, as it is written here"


# --- the program ---------------------------------------------------------------------------------------------------


def main(words: Sequence[str] | None = None) -> int:
    """0: all is right; 1: it is not; 2: a file cannot be read."""
    parser = argparse.ArgumentParser(description="Verify an export of Forebear's audit log.")
    parser.add_argument("export", nargs="?", type=Path, help="audit.jsonl")
    parser.add_argument("--checkpoint", type=Path, action="append", default=[], help="file with signed checkpoints")
    parser.add_argument("--pubkey", type=Path, action="append", default=[], help="file with public keys, one a line")
    parser.add_argument("--proof", type=Path, help="proof.json, instead of an export")
    given = parser.parse_args(words)
    if (given.export is None) == (given.proof is None):
        parser.error("give an export, or --proof")
    if (given.checkpoint or given.proof) and not given.pubkey:
        parser.error("checkpoints and proofs are checked with --pubkey")
    try:
        return _run(given)
    except (OSError, UnreadableError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - this is a program of its own
        return 1 if given.proof and isinstance(error, UnreadableError) else 2


def _run(given: argparse.Namespace) -> int:
    keys = [key for file in given.pubkey for key in read_keys(file.read_text())]
    if given.proof is not None:
        print(verify_proof(given.proof.read_text(), keys))  # noqa: T201 - this is a program of its own
        return 0
    witness = Witness((one for file in given.checkpoint for one in read_checkpoints(file.read_text())), keys)
    with given.export.open("rb") as lines:
        count, head, fault = verify_export(lines, witness)
    if fault is not None:
        print(f"Entry {fault[0]}: {fault[1]}. The {count} entries before it are intact.")  # noqa: T201 - as above
        return 1
    print(f"All {count} entries are intact; the head is {head.hex()}. {witness.agreed} checkpoints agree.")  # noqa: T201 - as above
    return 0


if __name__ == "__main__":
    sys.exit(main())
