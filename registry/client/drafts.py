"""The verbs of drafts over HTTP. Files are sent by the protocol of the Hub: its own clients do that."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from lineage import Digest
from registry.client.transport.connection import LONG, Connection
from registry.domain.catalog.models import VersionDetail
from registry.domain.drafts.drafts import Commit, Draft, DraftSummary, RegisterDraft
from registry.domain.names import Name
from registry.errors import NotRemoteError


@dataclass(frozen=True, slots=True)
class RemoteDrafts:
    """Implements `DraftVerbs`."""

    server: Connection

    def list(self) -> Sequence[DraftSummary]:
        return self.server.get(tuple[DraftSummary, ...], "/drafts")

    def show(self, name: Name) -> Draft:
        return self.server.get(Draft, _at(name))

    def register(self, wanted: RegisterDraft) -> VersionDetail:
        said = {
            "head": wanted.head,
            "alias": wanted.alias,
            "number": wanted.number,
            "architecture": wanted.architecture,
            "task": wanted.task,
            "modality": wanted.modality,
            "licence": wanted.licence,
            "description": wanted.description,
            "tags": dict(wanted.tags),
            "parents": None if wanted.parents is None else list(wanted.parents),
        }
        return self.server.send(VersionDetail, "POST", f"{_at(wanted.name)}/register", said, seconds=LONG)

    def discard(self, name: Name) -> None:
        self.server.change("DELETE", _at(name))

    def begin(self, name: Name) -> Draft:
        raise _of_hub(f"hf repos create {name}")

    def sent(self, name: Name, digests: Collection[Digest]) -> Mapping[Digest, int]:  # noqa: ARG002 - the verb's own signature
        raise _of_hub(f"hf upload {name} FOLDER")

    def receive(self, stream: BinaryIO, *, expected: Digest | None = None) -> tuple[Digest, int]:  # noqa: ARG002 - as above
        raise _of_hub("hf upload NAME FOLDER")

    def check_room(self, size: int) -> None:  # noqa: ARG002 - as above
        raise _of_hub("hf upload NAME FOLDER")

    def commit(self, name: Name, commit: Commit) -> Draft:  # noqa: ARG002 - as above
        raise _of_hub(f"hf upload {name} FOLDER")

    def epoch(self) -> int:
        raise _of_hub("hf upload NAME FOLDER")

    def receive_xorb(self, name: str, stream: BinaryIO) -> None:  # noqa: ARG002 - as above
        raise _of_hub("hf upload NAME FOLDER")

    def assemble(self, shard: bytes) -> Sequence[Digest]:  # noqa: ARG002 - as above
        raise _of_hub("hf upload NAME FOLDER")

    def check_card(self, text: str) -> Sequence[str]:  # noqa: ARG002 - as above
        raise _of_hub("hf upload NAME FOLDER")

    def card(self, name: Name) -> str | None:
        raise _of_hub(f"hf download {name} README.md --revision draft")


def _at(name: Name) -> str:
    return f"/drafts/{name}"


def _of_hub(command: str) -> NotRemoteError:
    return NotRemoteError(
        "The files of drafts are sent with the tools of the Hugging Face Hub",
        remedy=f"With HF_ENDPOINT and HF_TOKEN set (docs/connecting.md): {command}",
    )
