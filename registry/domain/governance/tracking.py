"""Runs and logged models of an MLflow tracking server as imports read them: what is asked for, and what is answered.

Fields as `GET /api/2.0/mlflow/runs/get`, `…/logged-models/{id}` and `/api/2.0/mlflow-artifacts/artifacts?path=…` answer
them (MLflow 3.17).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from registry.domain.manifests import check_path
from registry.errors import InvalidError

MLFLOW = "mlflow:"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
"""Where a tracking server gives out files, below its own address."""
MOST_FACTS, LONGEST = 500, 500
"""Parameters, and as many metrics, that are kept of a run; characters of a name and of a value."""
_PROXIED = "mlflow-artifacts"
_RUN = r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}"
_MODEL = r"m-[0-9a-z]{1,64}"
_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})|\[[0-9a-fA-F:.]{2,45}\])(?::[0-9]{1,5})?"
_SOURCE = re.compile(
    rf"{MLFLOW}(?P<place>{_HOST})/(?:models/(?P<alone>{_MODEL})|runs/(?P<run>{_RUN})(?:/models/(?P<model>{_MODEL})|(?P<path>/.+)?))"
)
_OF_RUN = re.compile(rf"(?:.*/)?(?P<run>{_RUN})/artifacts(?P<path>/.+)?")
_OF_MODEL = re.compile(rf"(?:.*/)?models/(?P<model>{_MODEL})/artifacts/?")
_LOGGED = re.compile(rf"models:/(?P<model>{_MODEL})")
_RUNS = re.compile(rf"runs:/(?P<run>{_RUN})(?P<path>/.+)?")
READY = "LOGGED_MODEL_READY"


@dataclass(frozen=True, slots=True)
class TrackedSource:
    """A folder of a run's artifacts, or a logged model: `mlflow:HOST/runs/RUN/model`, `mlflow:HOST/models/m-1f…`.

    With both, `mlflow:HOST/runs/RUN/models/m-1f…`, the model has to be of that run.
    """

    place: str
    """The host of the tracking server, with an unusual port."""
    run: str = ""
    path: str = ""
    model: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises: InvalidError."""
        found = _SOURCE.fullmatch(text)
        if found is None:
            raise InvalidError(
                f"{text[:120]!r} is no model of a tracking server",
                remedy="Write mlflow:HOST/runs/RUN_ID/FOLDER, or mlflow:HOST/models/m-ID",
            )
        path = (found["path"] or "").removeprefix("/")
        if path:
            check_path(path)
        return cls(found["place"].lower(), found["run"] or "", path, found["alone"] or found["model"] or "")

    @classmethod
    def named(cls, uri: str, place: str, run: str) -> Self | None:
        """What a client of MLflow calls a source, at the server `place`; None for anything that is none.

        `run` is the run that the client names, and empty where it names none: a logged model has to be of that
        run, and what names its own run is of that one. Raises: InvalidError.
        """
        found, parts = _LOGGED.fullmatch(uri) or _RUNS.fullmatch(uri), urlsplit(uri)
        before, route, below = parts.path.partition(f"{ARTIFACTS}/")
        if parts.scheme == _PROXIED or (parts.scheme in {"http", "https"} and route):
            artifact = unquote(below or before).strip("/")
            found = _OF_MODEL.fullmatch(artifact) or _OF_RUN.fullmatch(artifact)
        if found is None:
            return None
        groups = found.groupdict(default="")
        source = cls(place, groups.get("run", run), groups.get("path", "").strip("/"), groups.get("model", ""))
        return cls.parse(str(source))

    def __str__(self) -> str:
        of_run = f"/runs/{self.run}" if self.run else ""
        rest = f"/models/{self.model}" if self.model else f"/{self.path}" if self.path else ""
        return f"{MLFLOW}{self.place}{of_run}{rest}"


@dataclass(frozen=True, slots=True)
class Tracked:
    """What a tracking server says of a run or of a logged model. `root` is a path below that of all artifacts."""

    root: str
    run: str = ""
    model: str = ""
    name: str = ""
    models: tuple[str, ...] = ()
    """The logged models of a run, by id."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)

    def facts(self, server: str, path: str) -> Mapping[str, object]:
        """What a manifest keeps of it."""
        said: dict[str, object] = {"server": server, "path": path}
        said |= {"run": self.run} if self.run else {}
        said |= {"model": self.model} if self.model else {}
        said |= {"parameters": dict(self.parameters)} if self.parameters else {}
        return said | ({"metrics": dict(self.metrics)} if self.metrics else {})


@dataclass(frozen=True, slots=True)
class Artifact:
    """One entry of a folder of artifacts; `size` in bytes, and 0 for a folder."""

    path: str
    is_folder: bool
    size: int


def read_run(source: TrackedSource, document: object, url: str) -> Tracked:
    """What the server at `url` answered about a run. Raises: InvalidError."""
    run = _mapping(_mapping(document).get("run"))
    info, data = _mapping(run.get("info")), _mapping(run.get("data"))
    if info.get("run_id") != source.run:
        raise InvalidError(f"What {url} answers about the run {source.run} is about another, or about none")
    outputs = _list(_mapping(run.get("outputs")).get("model_outputs"))
    ids = [_mapping(one).get("model_id") for one in outputs]
    return Tracked(
        _root(info, "artifact_uri", url),
        run=source.run,
        models=tuple(dict.fromkeys(one for one in ids if isinstance(one, str) and re.fullmatch(_MODEL, one))),
        parameters=_parameters(data),
        metrics=_metrics(data),
    )


def read_model(source: TrackedSource, document: object, url: str) -> Tracked:
    """What the server at `url` answered about a logged model. Raises: InvalidError."""
    model = _mapping(_mapping(document).get("model"))
    info, data = _mapping(model.get("info")), _mapping(model.get("data"))
    if info.get("model_id") != source.model:
        raise InvalidError(f"What {url} answers about {source.model} is about another model, or about none")
    if info.get("status", READY) not in {READY, 2}:
        raise InvalidError(f"{url} says that {source.model} is not ready", remedy="Register it when it is logged")
    run, name = info.get("source_run_id") or "", info.get("name")
    if not isinstance(run, str) or (run and not re.fullmatch(_RUN, run)):
        raise InvalidError(f"What {url} answers about {source.model} names no run")
    if source.run and run != source.run:
        raise InvalidError(f"{source.model} was logged by {f'the run {run}' if run else 'no run'}, not by {source.run}")
    return Tracked(
        _root(info, "artifact_uri", url),
        run=run,
        model=source.model,
        name=name if isinstance(name, str) else "",
        parameters=_parameters(data),
        metrics=_metrics(data),
    )


def read_folder(folder: str, document: object, url: str) -> Sequence[Artifact]:
    """What the server at `url` answered about a folder, with paths from its root. Raises: InvalidError."""
    said = _mapping(document)
    if not isinstance(document, Mapping) or not isinstance(said.get("files", []), list):
        raise InvalidError(f"What {url} answers about its artifacts is no list of files")
    return [_artifact(folder, _mapping(one), url) for one in said.get("files", [])]


def _artifact(folder: str, said: Mapping[str, Any], url: str) -> Artifact:
    name, size, is_folder = said.get("path"), said.get("file_size", 0), said.get("is_dir", False)
    if not isinstance(name, str) or "/" in name or not isinstance(is_folder, bool):
        raise InvalidError(f"{url} lists an artifact without a name of its own")
    path = f"{folder}/{name}" if folder else name
    check_path(path)
    if isinstance(size, str) and size.isascii() and size.isdecimal() and len(size) < 20:  # int64 is text in JSON
        size = int(size)
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise InvalidError(f"{url} does not say the size of {path!r}")
    return Artifact(path, is_folder, 0 if is_folder else size)


def _root(info: Mapping[str, Any], key: str, url: str) -> str:
    """The path of artifacts that a server gives out itself. Raises: InvalidError for a place elsewhere."""
    uri = info.get(key)
    text = uri if isinstance(uri, str) else ""
    parts, own = urlsplit(text), urlsplit(url)
    here = parts.netloc in {"", own.netloc}
    if here and parts.scheme == _PROXIED:
        root = parts.path.removeprefix(ARTIFACTS)
    elif parts.scheme == own.scheme and parts.netloc and here and parts.path.startswith(own.path + ARTIFACTS + "/"):
        root = parts.path.removeprefix(own.path + ARTIFACTS)
    else:
        raise InvalidError(
            f"{url} does not give these artifacts out itself: they lie at {text[:120]!r}",
            remedy="Start the tracking server with --serve-artifacts, or upload the files to this registry",
        )
    path = unquote(root).strip("/")
    check_path(path)
    return path


def _parameters(data: Mapping[str, Any]) -> dict[str, str]:
    return {key: str(value)[:LONGEST] for key, value in _pairs(data.get("params")) if isinstance(value, str)}


def _metrics(data: Mapping[str, Any]) -> dict[str, float]:
    numbers = ((key, value) for key, value in _pairs(data.get("metrics")) if isinstance(value, int | float))
    return {key: float(value) for key, value in numbers if not isinstance(value, bool) and _is_number(value)}


def _is_number(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _pairs(entries: object) -> Iterator[tuple[str, object]]:
    for one in _list(entries)[:MOST_FACTS]:
        said = _mapping(one)
        if isinstance(said.get("key"), str):
            yield said["key"][:LONGEST], said.get("value")


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
