"""An export of the audit log against signed checkpoints: each kind of tampering is found, at the right entry."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from registry.domain import verifier
from registry.domain.audit import GENESIS, AuditEntry, Event, write_entry
from registry.domain.merkle import consistency_path, inclusion_path
from registry.domain.verifier import Checkpoint, Fault, PublicKey, Tree, UnreadableError, Witness, verify_export

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
NAME = "forebear.registry/test"
LENGTH = 9
SIGNED = (3, 6, 9)


@cache
def private(number: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)


def public(number: int = 1) -> PublicKey:
    return PublicKey(NAME, private(number).public_key().public_bytes_raw())


def chain(length: int = LENGTH, *, actor: str = "ana", after: tuple[AuditEntry, ...] = ()) -> tuple[AuditEntry, ...]:
    entries = list(after)
    for seq in range(len(entries) + 1, length + 1):
        previous = entries[-1].entry if entries else GENESIS
        entries.append(
            write_entry(seq, previous, Event("card.revised", f"models:/a/b/{seq}"), actor=actor, at=NOW, salt="")
        )
    return tuple(entries)


def sign(entries: tuple[AuditEntry, ...], size: int, number: int = 1) -> Checkpoint:
    tree = Tree()
    for entry in entries[:size]:
        list(tree.append(bytes.fromhex(entry.leaf.hex)))
    bare, key = Checkpoint(NAME, size, tree.root()), public(number)
    return replace(bare, signatures=((NAME, key.id, private(number).sign(bare.text.encode())),))


def lines(entries: tuple[AuditEntry, ...]) -> list[bytes]:
    return [
        json.dumps(
            {
                "seq": one.seq,
                "body": one.body.decode(),
                "previous": one.previous.hex,
                "leaf": one.leaf.hex,
                "entry": one.entry.hex,
            }
        ).encode()
        + b"\n"
        for one in entries
    ]


RIGHT = chain()


def change_byte(entries: tuple[AuditEntry, ...]) -> tuple[AuditEntry, ...]:
    return (*entries[:4], replace(entries[4], body=entries[4].body.replace(b"ana", b"eve")), *entries[5:])


def delete_middle(entries: tuple[AuditEntry, ...]) -> tuple[AuditEntry, ...]:
    return entries[:4] + entries[5:]


def delete_tail(entries: tuple[AuditEntry, ...]) -> tuple[AuditEntry, ...]:
    return entries[:4]


def insert(entries: tuple[AuditEntry, ...]) -> tuple[AuditEntry, ...]:
    extra = write_entry(5, entries[3].entry, Event("role.granted", "person:eve"), actor="eve", at=NOW, salt="")
    return (*entries[:4], extra, *(replace(one, seq=one.seq + 1) for one in entries[4:]))


def swap(entries: tuple[AuditEntry, ...]) -> tuple[AuditEntry, ...]:
    return (*entries[:4], replace(entries[5], seq=5), replace(entries[4], seq=6), *entries[6:])


def rehash(entries: tuple[AuditEntry, ...]) -> tuple[AuditEntry, ...]:
    """The chain fits again: only the checkpoints contradict it."""
    return chain(actor="eve", after=entries[:4])


def found(entries: tuple[AuditEntry, ...], *signed: Checkpoint) -> Fault | None:
    return verify_export(lines(entries), Witness(signed, [public()]))[2]


@pytest.mark.parametrize(
    ("tamper", "seq", "reason"),
    [
        (change_byte, 5, "The body of entry 5 was changed"),
        (delete_middle, 5, "Entry 5 is missing: the next line is entry 6"),
        (delete_tail, 5, "Entries 5 to 6 are missing: a checkpoint of 6 entries was signed"),
        (insert, 6, "The body of entry 6 says that it is entry 5"),
        (swap, 5, "The body of entry 5 says that it is entry 6"),
        (rehash, 5, "Entries 5 to 6 are not what the checkpoint of 6 entries was signed for"),
    ],
)
def test_tampering_is_found_at_the_right_entry(
    tamper: Callable[[tuple[AuditEntry, ...]], tuple[AuditEntry, ...]], seq: int, reason: str
) -> None:
    assert found(tamper(RIGHT), *(sign(RIGHT, size) for size in (1, 4, 6))) == (seq, reason)


def test_two_checkpoints_of_one_size_that_differ_show_a_fork() -> None:
    other = rehash(RIGHT)
    signed = (sign(RIGHT, 4), sign(RIGHT, 9), sign(other, 9))
    for log in (RIGHT, other):
        fault = found(log, *signed)
        assert fault is not None
        assert fault == (5, "Entries 5 to 9 are not what the checkpoint of 9 entries was signed for")


def test_a_log_that_was_rewritten_and_signed_with_another_key_is_found_where_the_right_key_ends() -> None:
    forged = rehash(RIGHT)
    fault = found(forged, sign(RIGHT, 4), sign(forged, 9, number=2))
    assert fault is not None
    assert fault[0] == 5
    assert fault[1].startswith("The checkpoint of 9 entries is signed by forebear.registry/test+")
    assert fault[1].endswith("whose public key was not given")
    wrong = replace(sign(forged, 9), signatures=sign(RIGHT, 9).signatures)
    assert found(forged, sign(RIGHT, 4), wrong) == (5, "The signature of the checkpoint of 9 entries is wrong")


def test_a_checkpoint_of_more_entries_with_a_wrong_signature_is_named_as_such() -> None:
    wrong = replace(sign(RIGHT, 9), root=bytes(32))
    assert found(RIGHT[:4], wrong) == (5, "The signature of the checkpoint of 9 entries is wrong")


def test_a_log_as_it_was_signed_verifies_and_so_do_its_own_later_entries() -> None:
    witness = Witness((sign(RIGHT, size) for size in SIGNED[:2]), [public(2), public()])
    count, head, fault = verify_export(lines(RIGHT), witness)
    assert (count, head.hex(), fault, witness.agreed) == (9, RIGHT[-1].entry.hex, None, 2)


@pytest.mark.parametrize("line", [b"{}", b"[]", b"text", b'{"seq":1,"body":"[]"}', b"\xff"])
def test_a_line_that_is_no_entry_is_named(line: bytes) -> None:
    (_, _, fault) = verify_export([*lines(RIGHT[:2]), line], Witness((), ()))
    assert fault == (3, "Line 3 is not an entry of an audit log")


def test_checkpoints_and_keys_are_read_as_they_are_written() -> None:
    signed = [sign(RIGHT, size) for size in SIGNED]
    assert verifier.read_checkpoints("".join(f"{one}\n" for one in signed)) == signed
    assert verifier.read_keys(f"{public()}\n{public(2)}\n") == [public(), public(2)]


def test_the_key_and_the_note_of_the_c2sp_specification_are_read_and_verified() -> None:
    """The example of signed-note.md: a note of PeterNeumann, which Go's `note` package signs and verifies too."""
    key = PublicKey.parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
    line = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    raw = base64.b64decode(line)
    assert raw[:4] == key.id
    assert key.signed(text, raw[4:])
    assert not key.signed(text + " ", raw[4:])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("only a text\n", "no signatures"),
        ("name\nmany\nAAAA\n\n— a b\n", "does not begin a checkpoint"),
        (f"name\n1\n{base64.b64encode(bytes(32)).decode()}\n\n— a AAAA\n", "not the signature"),
        (f"name\n1\n{base64.b64encode(bytes(32)).decode()}\n\n— a !\n", "not base64"),
    ],
)
def test_a_file_that_is_no_checkpoint_is_refused(text: str, words: str) -> None:
    with pytest.raises(UnreadableError, match=words):
        verifier.read_checkpoints(text)


def test_a_key_whose_number_is_not_that_of_its_bytes_is_refused() -> None:
    name, number, raw = str(public()).split("+", 2)
    with pytest.raises(UnreadableError, match="not a public key"):
        PublicKey.parse(f"{name}+{'0' * len(number)}+{raw}")


def proof(**changes: object) -> str:
    leaves = [bytes.fromhex(one.leaf.hex) for one in RIGHT]
    nodes: dict[tuple[int, int], bytes] = {(0, place): leaf for place, leaf in enumerate(leaves)}
    tree = Tree()
    for leaf in leaves:
        nodes.update({(level, place): node for level, place, node in tree.append(leaf)})
    path = inclusion_path(lambda level, place: nodes[level, place], 4, 9)
    parts: dict[str, object] = {
        "seq": 5,
        "body": RIGHT[4].body.decode(),
        "checkpoint": str(sign(RIGHT, 9)),
        "former": None,
    }
    if "former" in changes:
        path = consistency_path(lambda level, place: nodes[level, place], 6, 9)
    return json.dumps({**parts, "path": [base64.b64encode(one).decode() for one in path], **changes})


def test_proofs_show_what_they_say_and_changed_ones_show_nothing() -> None:
    assert verifier.verify_proof(proof(), [public()]).startswith("Entry 5 is in the log of 9 entries")
    since = verifier.verify_proof(proof(former=str(sign(RIGHT, 6))), [public()])
    assert since == "The log of 9 entries begins with the log of 6 entries, unchanged"
    for changed, words in (
        (proof(seq=6), "Entry 6 is not in the log"),
        (proof(body="{}"), "Entry 5 is not in the log"),
        (proof(former=str(sign(rehash(RIGHT), 6))), "does not begin with that of 6"),
        (proof(checkpoint=str(sign(RIGHT, 9, number=2))), "was not given"),
        (proof(path=7), "not a proof"),
    ):
        with pytest.raises(UnreadableError, match=words):
            verifier.verify_proof(changed, [public()])


def test_the_verifier_is_one_file_that_runs_alone(tmp_path: Path) -> None:
    program = tmp_path / "verify.py"
    program.write_bytes(Path(verifier.__file__).read_bytes())
    (tmp_path / "keys.txt").write_text(f"{public()}\n")
    (tmp_path / "signed.txt").write_text("".join(f"{sign(RIGHT, size)}\n" for size in SIGNED))
    (tmp_path / "cut.jsonl").write_bytes(b"".join(lines(RIGHT[:4])))
    words = ["cut.jsonl", "--checkpoint", "signed.txt", "--pubkey", "keys.txt"]
    run = subprocess.run(
        [sys.executable, "-I", str(program), *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stderr) == (1, "")
    assert run.stdout == (
        "Entry 5: Entries 5 to 9 are missing: a checkpoint of 9 entries was signed. "
        "The 4 entries before it are intact.\n"
    )


def test_the_program_says_by_its_exit_code_what_it_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export, keys, notes, shown = (tmp_path / name for name in ("audit.jsonl", "keys.txt", "notes.txt", "proof.json"))
    export.write_bytes(b"".join(lines(RIGHT)))
    keys.write_text(f"{public()}\n")
    notes.write_text("".join(f"{sign(RIGHT, size)}\n" for size in SIGNED))
    shown.write_text(proof())
    given = [str(export), "--checkpoint", str(notes), "--pubkey", str(keys)]
    assert verifier.main(given) == 0
    assert "All 9 entries are intact" in capsys.readouterr().out
    assert verifier.main(["--proof", str(shown), "--pubkey", str(keys)]) == 0
    shown.write_text(proof(seq=6))
    assert verifier.main(["--proof", str(shown), "--pubkey", str(keys)]) == 1
    notes.write_text("none\n")
    assert verifier.main(given) == 2
    assert verifier.main([str(tmp_path / "gone")]) == 2
    for wrong in ([], [str(export), "--checkpoint", str(notes)]):
        with pytest.raises(SystemExit):
            verifier.main(wrong)
