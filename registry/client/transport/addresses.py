"""Where the API has what a verb is about."""

from __future__ import annotations

from urllib.parse import quote

from registry.domain.names import AssetKind, Name, Reference
from registry.domain.paging import PageRequest


def model_at(name: Name) -> str:
    """A registered model."""
    return f"/models/{name}"


def version_at(reference: Reference) -> str:
    """A version of a model or dataset: by number, by alias, or the latest."""
    if reference.number is not None:
        version = str(reference.number)
    else:
        version = f"@{reference.alias}" if reference.alias is not None else "latest"
    where = "models" if reference.kind is AssetKind.MODELS else "datasets"
    return f"/{where}/{reference.name}/versions/{version}"


def file_at(reference: Reference, path: str) -> str:
    """A file of a version."""
    return f"{version_at(reference)}/files/{quote(path)}"


def part(text: str) -> str:
    """A text as one part of an address, whatever it holds."""
    return quote(text, safe="")


def paging(page: PageRequest) -> dict[str, object]:
    """The query parameters that ask for `page`."""
    return {"limit": page.limit, "cursor": page.cursor}
