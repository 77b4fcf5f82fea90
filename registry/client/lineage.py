"""The verbs that walk the graph, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from registry.client.transport.addresses import paging
from registry.client.transport.connection import LONG, Connection
from registry.client.transport.uploads import parts_of, upload
from registry.domain.catalog.compute import ComputeReport, NewCompute
from registry.domain.catalog.marks import Marks
from registry.domain.catalog.notices import Notice
from registry.domain.codec import to_json
from registry.domain.data.leakage import Leakage, LeakageCount
from registry.domain.names import Reference, model_only
from registry.domain.paging import Page, PageRequest
from registry.domain.verbs.impact import Affected, ImpactSummary
from registry.domain.verbs.lineage import (
    Ancestry,
    CommonAncestors,
    Exchange,
    Identification,
    Kin,
    Neighbourhood,
    Obligations,
    Only,
    ParentCheck,
    Reach,
    Relatives,
    Use,
)
from registry.errors import NotFoundError
from registry.sources import WEIGHTS, no_weights, resolve_weights

NO_PATH = "no_path"
"""The fact by which the server says that there is no way between two things that are both there."""


@dataclass(frozen=True, slots=True)
class RemoteLineage:
    """Implements `LineageVerbs`."""

    server: Connection

    def show(
        self, target: str, *, up: int = -1, down: int = 0, limit: int = 2000, as_of: datetime | None = None
    ) -> Ancestry:
        params: dict[str, object] = {"target": target, "up": up, "down": down, "limit": limit}
        params |= _at(as_of)
        return self.server.get(Ancestry, "/lineage", params)

    def near(
        self, target: str, reach: Reach = Reach(), *, only: Only = Only(), as_of: datetime | None = None
    ) -> Neighbourhood:
        params: dict[str, object] = {"target": target, **asdict(reach), **asdict(only)}
        return self.server.get(Neighbourhood, "/lineage/near", params | _at(as_of))

    def path(self, source: str, target: str, *, as_of: datetime | None = None) -> Ancestry | None:
        try:
            return self.server.get(Ancestry, "/lineage/path", {"source": source, "target": target} | _at(as_of))
        except NotFoundError as error:
            if error.facts.get(NO_PATH):
                return None
            raise

    def common(self, one: str, other: str, *, as_of: datetime | None = None) -> CommonAncestors:
        return self.server.get(CommonAncestors, "/lineage/common", {"one": one, "other": other} | _at(as_of))

    def relatives(self, target: str, relation: Kin, *, limit: int = 100, as_of: datetime | None = None) -> Relatives:
        params: dict[str, object] = {"target": target, "relation": relation, "limit": limit}
        params |= _at(as_of)
        return self.server.get(Relatives, "/lineage/relatives", params)

    def impact(self, target: str, *, as_of: datetime | None = None) -> ImpactSummary:
        return self.server.get(ImpactSummary, "/lineage/impact", {"target": target} | _at(as_of), seconds=LONG)

    def affected(
        self, target: str, *, ways: bool = False, page: PageRequest = PageRequest(), as_of: datetime | None = None
    ) -> Page[Affected]:
        params = {"target": target, "ways": ways or None, **paging(page), **_at(as_of)}
        return self.server.get(Page[Affected], "/lineage/impact/versions", params, seconds=LONG)

    def every_affected(self, target: str, *, ways: bool = False, as_of: datetime | None = None) -> Iterator[Affected]:
        """The lines as they come. What is cut off raises ServerUnreachableError; begin again then."""
        params = {"target": target, "ways": ways or None, **_at(as_of)}
        with self.server.stream("/lineage/impact/every", params=params, seconds=LONG) as response:
            for line in response.iter_lines():
                yield self.server.read(Affected, line.encode())

    def verify(self, reference: Reference, *, parent: Reference | None = None) -> Sequence[ParentCheck]:
        params = {"target": model_only(reference), "parent": None if parent is None else model_only(parent)}
        return self.server.send(tuple[ParentCheck, ...], "POST", "/lineage/checks", params=params, seconds=LONG)

    def identify(self, source: str, *, limit: int = 20) -> Identification:
        """Upload the weights, in one request; the server compares them and keeps nothing. Other files stay here."""
        path = resolve_weights(source)
        parts = tuple(part for part in parts_of(path) if path.is_file() or part.path.endswith(WEIGHTS))
        if not parts:
            raise no_weights(path)
        found = upload(self.server, Identification, "/lineage/identify", {"limit": limit}, parts)
        return replace(found, file=path.name)

    def leakage(self, reference: Reference, *, near: bool = False) -> Leakage:
        params = {"target": model_only(reference), "near": near}
        return self.server.get(Leakage, "/lineage/leakage", params, seconds=LONG)

    def count_leakage(self, reference: Reference) -> LeakageCount:
        params = {"target": model_only(reference)}
        return self.server.send(LeakageCount, "POST", "/lineage/leakage/count", params=params, seconds=LONG)

    def leakage_count(self, reference: Reference) -> LeakageCount:
        return self.server.get(LeakageCount, "/lineage/leakage/count", {"target": model_only(reference)})

    def obligations(
        self, reference: Reference, *, use: Use | None = None, as_of: datetime | None = None
    ) -> Obligations:
        params: dict[str, object] = {"target": reference, "use": use}
        return self.server.get(Obligations, "/lineage/obligations", params | _at(as_of))

    def marks(self, reference: Reference) -> Marks:
        return self.server.get(Marks, "/lineage/marks", {"target": reference})

    def compute(self, reference: Reference) -> ComputeReport:
        return self.server.get(ComputeReport, "/lineage/compute", {"target": model_only(reference)})

    def declare_compute(self, reference: Reference, wish: NewCompute) -> ComputeReport:
        params = {"target": model_only(reference)}
        return self.server.send(ComputeReport, "POST", "/lineage/compute", to_json(wish), params=params)

    def notice(self, reference: Reference) -> Notice:
        return self.server.get(Notice, "/lineage/notice", {"target": reference})

    def export(self, reference: Reference, exchange_format: Exchange) -> object:
        return self.server.get(object, "/lineage/export", {"target": reference, "format": exchange_format})

    def checks(self, reference: Reference) -> Sequence[ParentCheck]:
        return self.server.get(tuple[ParentCheck, ...], "/lineage/checks", {"target": model_only(reference)})


def _at(as_of: datetime | None) -> dict[str, object]:
    """The parameter of every question about an earlier time."""
    return {} if as_of is None else {"at": as_of.isoformat()}
