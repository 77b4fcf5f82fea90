"""What the commands for the audit log print and write."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path

from lineage import Digest
from registry.cli import printing
from registry.domain import verifier
from registry.domain.audit import AuditReport, SignedCheckpoint
from registry.domain.verbs.audit import AuditVerbs
from registry.errors import ConflictError, InvalidError
from registry.folders import error_of_disk
from registry.presenting.formats import counted


def show_verified(report: AuditReport, *, state: bool) -> None:
    """That the log is intact, and what else was compared."""
    printing.tell(f"All {report.entries} entries are intact; the head of the chain is {report.head}")
    if report.checkpoints:
        agree = (
            "1 signed checkpoint agrees"
            if report.checkpoints == 1
            else f"{report.checkpoints} signed checkpoints agree"
        )
        printing.tell(agree)
    if report.timestamps:
        printing.tell(f"{counted(report.timestamps, 'timestamp')} of an authority verified")
    if state:
        printing.tell("Stages, statuses, aliases, roles, requests and votes are what the log says")
    for warning in report.warnings:
        printing.tell(f"Warning: {warning}")


def show_checkpoints(checkpoints: Sequence[SignedCheckpoint]) -> None:
    """One row each."""
    rows = [(one.entries, one.root, "yes" if one.timestamp else "", one.key or "another key") for one in checkpoints]
    heads = (">Entries", "Root hash", "Timestamp", "Key")
    printing.table(heads, rows, empty="No checkpoint was signed yet.", drop=("Key",))


def verify_export(export: Path, checkpoints: Path | None, keys: Path | None) -> AuditReport:
    """Verify an export against these files. Raises: InvalidError for a file that is not what it should be."""
    if checkpoints is not None and keys is None:
        raise InvalidError("Checkpoints are checked with public keys", remedy="Give --pubkey FILE")
    try:
        signed = verifier.read_checkpoints(checkpoints.read_text("utf-8")) if checkpoints else []
        known = verifier.read_keys(keys.read_text("utf-8")) if keys else []
        witness = verifier.Witness(signed, known)
        with export.open("rb") as lines:
            count, head, fault = verifier.verify_export(lines, witness)
    except OSError as error:
        raise InvalidError(f"{error.filename} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InvalidError(str(error)) from error
    first, reason = fault or (None, None)
    return AuditReport(count, Digest(head.hex()), first, reason, checkpoints=witness.agreed)


def write_copy(audit: AuditVerbs, folder: Path) -> str:
    """Write all that verifies the log elsewhere. Raises: ConflictError for a folder that is not empty."""
    lines, signed, keys = audit.export(), audit.checkpoints(), audit.keys()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise ConflictError(f"The folder {folder} is not empty", remedy="Name a new one")
        with (folder / "audit.jsonl").open("wb") as file:
            file.writelines(lines)
        (folder / "checkpoints.txt").write_text("".join(f"{one.note}\n" for one in signed), "utf-8")
        stamped = [one for one in signed if one.timestamp]
        for one in stamped:
            (folder / f"{one.entries:012d}.txt").write_text(f"{one.note}\n", "utf-8")
            (folder / f"{one.entries:012d}.tsr").write_bytes(base64.b64decode(one.timestamp))
        (folder / "public-keys.txt").write_text("".join(f"{key}\n" for key in keys), "utf-8")
        (folder / "verify.py").write_text(audit.verifier(), "utf-8")
    except OSError as error:
        raise error_of_disk(error, f"The audit log cannot be written to {folder}") from error
    return f"Wrote the audit log with {len(signed)} checkpoints and the program that verifies it to {folder}"
