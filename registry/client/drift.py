"""The verbs of drift, over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from registry.client.transport.connection import Connection
from registry.domain.drift.report import KeptReport
from registry.domain.names import Reference
from registry.domain.verbs.drift import CheckDrift
from registry.errors import NotRemoteError


@dataclass(frozen=True, slots=True)
class RemoteDrift:
    """Implements `DriftVerbs`."""

    server: Connection

    def check(self, wanted: CheckDrift, watch: Callable[[str], None] = lambda _: None) -> KeptReport:  # noqa: ARG002 - the verb's own signature
        raise NotRemoteError(
            f"The server reads no data, so it cannot check {wanted.data} for drift",
            remedy="Check on the machine of the registry folder: forebear --home FOLDER drift check MODEL --data DATA",
        )

    def watch(
        self,
        model: Reference,
        data: Reference,
        watch: Callable[[str], None] = lambda _: None,  # noqa: ARG002 - the verb's own signature
    ) -> KeptReport | None:
        raise NotRemoteError(
            f"The server reads no data, so it cannot watch {data} for {model}",
            remedy="Watch on the machine of the registry folder: forebear --home FOLDER drift watch MODEL --data DATA",
        )

    def reports(self, model: Reference) -> Sequence[KeptReport]:
        return self.server.get(tuple[KeptReport, ...], "/drift", {"reference": model})
