"""The verbs of datasets over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from registry.client.catalog import details_of, plan_of, write_plan
from registry.client.transport.addresses import paging, version_at
from registry.client.transport.connection import Connection
from registry.client.transport.downloads import Watch
from registry.client.transport.uploads import parts_of
from registry.client.uploads import upload_to
from registry.domain.catalog.statuses import Use, notice
from registry.domain.data.datasets import DatasetSummary, DatasetVersionDetail, DatasetVersionSummary
from registry.domain.data.looks import Look
from registry.domain.names import AssetKind, Name, Reference, dataset_only
from registry.domain.paging import Page, PageRequest
from registry.domain.verbs.catalog import PullReport
from registry.domain.verbs.data import AddDataset
from registry.errors import NotRemoteError
from registry.sources import resolve_source


@dataclass(frozen=True, slots=True)
class RemoteDatasets:
    """Implements `DatasetVerbs`."""

    server: Connection
    watch: Watch | None = None

    def add(self, wanted: AddDataset) -> DatasetVersionDetail:
        """Upload the data; the server registers it. A `.dvc` file only points to data, so it is refused."""
        source = resolve_source(wanted.source)
        if wanted.rev is not None or source.suffix == ".dvc":
            raise NotRemoteError(
                "A .dvc file only points to data that this server cannot reach",
                remedy="Fetch the data first (dvc pull, or git checkout REV and dvc pull), and add the data itself",
            )
        details = details_of(wanted)
        del details["rev"]
        target = Reference(AssetKind.DATASETS, wanted.name)
        return upload_to(self.server, DatasetVersionDetail, target, details, parts_of(source), watch=self.watch)

    def search(self, text: str, page: PageRequest) -> Page[DatasetSummary]:
        return self.server.get(Page[DatasetSummary], "/datasets", {"text": text, **paging(page)})

    def versions(self, name: Name, page: PageRequest) -> Page[DatasetVersionSummary]:
        return self.server.get(Page[DatasetVersionSummary], f"/datasets/{name}/versions", paging(page))

    def version(self, reference: Reference) -> DatasetVersionDetail:
        return self.server.get(DatasetVersionDetail, version_at(dataset_only(reference)))

    def look(self, reference: Reference, *, pictures: bool = False) -> Look:
        return self.server.get(Look, f"{version_at(dataset_only(reference))}/look", {"pictures": pictures or None})

    def pull(self, reference: Reference, folder: Path) -> PullReport:
        """Download the files into a new folder, which appears whole or not at all."""
        detail = self.version(reference)
        summary = detail.summary
        told = notice(summary.ref, summary.status, detail.status_reason, Use.READ)
        return write_plan(self.server, plan_of(detail, told), folder, watch=self.watch)
