"""Reads the versions of an MLflow model registry, in any store that MLflow reaches by a URI."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from adapters.mlflow.failures import declared
from adapters.mlflow.layout import fetched
from registry.errors import BadArtifactError, NotFoundError
from registry.ports.registries import FetchedVersion, OtherVersion

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # MLflow uses deprecated parts of SQLAlchemy and Pydantic
    from mlflow.artifacts import download_artifacts
    from mlflow.tracking import MlflowClient

logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)  # or it logs every table that it creates

_LOGGED = "models:/m-"
"""A version whose files are those of a logged model (MLflow 3): the id begins with the m."""
_READY = "READY"
_PAGE = 1000


class MlflowModels:
    """Lists versions and fetches their files through `MlflowClient`."""

    name = "mlflow"

    def versions(self, uri: str, *, model: str | None = None) -> Sequence[OtherVersion]:
        """See `ModelRegistry.versions`."""
        _refuse_missing(uri)
        with declared(uri):
            client = MlflowClient(tracking_uri=uri, registry_uri=uri)
            models = {one.name: one for one in _every(client.search_registered_models)}
            if model is not None and model not in models:
                raise NotFoundError(
                    f"MLflow has no registered model {model[:120]!r}",
                    remedy=f"There are: {', '.join(sorted(models)[:20]) or 'none'}",
                )
            wanted = [one for one in _every(client.search_model_versions) if model in {None, one.name}]
            wanted.sort(key=lambda one: (one.creation_timestamp or 0, one.name, int(one.version)))
            return [_version(one, models[one.name]) for one in wanted if one.name in models]

    def fetch(self, uri: str, version: OtherVersion, folder: Path) -> FetchedVersion:
        """See `ModelRegistry.fetch`."""
        with declared(uri):
            client = MlflowClient(tracking_uri=uri, registry_uri=uri)
            location = client.get_model_version_download_uri(version.name, version.version)
            if location.startswith(_LOGGED):
                location = client.get_logged_model(location.removeprefix("models:/")).artifact_location
            there = download_artifacts(artifact_uri=location, dst_path=str(folder), tracking_uri=uri, registry_uri=uri)
        root = Path(there)
        if not root.exists():
            raise BadArtifactError(f"The artifacts of {version} are not in MLflow's store")
        return fetched(root)


def _refuse_missing(uri: str) -> None:
    """MLflow would make a new, empty store at a path that is misspelt."""
    scheme, colon, rest = uri.partition(":")
    sqlite = scheme == "sqlite"
    if sqlite or scheme == "file" or not colon:
        text = rest.removeprefix("///" if sqlite else "//").partition("?")[0] if colon else uri
        if not (Path(text).is_file() if sqlite else Path(text).is_dir()):
            raise NotFoundError(f"There is no {'file' if sqlite else 'folder'} {text[:300]!r}", remedy="Check the path")


def _every(search: Callable[..., Any]) -> Iterator[Any]:
    token = None
    while True:
        page = search(max_results=_PAGE, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _version(found: Any, model: Any) -> OtherVersion:
    aliases = [alias for alias, number in model.aliases.items() if str(number) == str(found.version)]
    stage = found.current_stage
    unready = "" if found.status == _READY else f"MLflow says that its status is {found.status}"
    return OtherVersion(
        name=found.name,
        version=str(found.version),
        run_id=found.run_id or "",
        description=found.description or "",
        model_description=model.description or "",
        tags={**model.tags, **found.tags},
        standing=(*sorted(aliases), *([stage] if stage and stage != "None" else [])),
        why_not=unready,
    )
