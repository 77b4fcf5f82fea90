"""Imports from a tracking server: only from one that a setting names, only what it listed, and no pickle ever.

The servers here are real ones on this machine, which the setting of private hosts allows.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from lineage import Assurance
from registry.domain.names import Name, Reference
from registry.domain.transfers.provenance import notes_of
from registry.domain.verbs.catalog import ImportModel
from registry.errors import (
    BadArtifactError,
    DigestMismatchError,
    InvalidError,
    NotFoundError,
    RefusedError,
    RegistryError,
    TooLargeError,
    UnavailableError,
    UnsafeArtifactError,
    UsageError,
)
from registry.services.catalog import fetched, tracked_importing
from registry.services.catalog.tracked_importing import sites_of
from registry.services.catalog.verbs import Catalog
from registry.services.context import Context
from registry.settings import Settings
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.fakes.blobs import MemoryBlobs
from tests.fakes.clock import FakeClock
from tests.fakes.plugins import FACTS, FakePlugins
from tests.hubs import running, send
from tests.listening import HOST
from tests.registry.services.registries import open_context
from tests.tracking_servers import ARTIFACTS, MODEL, OF_MODEL, OF_RUN, RUN, FakeTracking, send_json

DIGITS = Name("library", "digits")
MLMODEL = b"flavors:\n  transformers:\n    model_binary: model\n    source_model_name: acme/base\n"
FILES: Mapping[str, bytes] = {
    "MLmodel": MLMODEL,
    "model/config.json": b"{}",
    "model/model.safetensors": b"weights" * 50,
    "model/training_args.bin": b"pickle",
    "model/modeling.py": b"import os",
    "components/tokenizer/tokenizer.json": b"[]",
    "components/tokenizer/empty.txt": b"",
    "model_card.md": b"# Digits\n",
    "model_card_data.yaml": b"license: apache-2.0\n",
    "python_env.yaml": b"python: 3.11",
}


def below(root: str, files: Mapping[str, bytes] = FILES) -> dict[str, bytes]:
    return {f"{root}/{path}": body for path, body in files.items()}


@pytest.fixture
def server() -> Iterator[FakeTracking]:
    with running(FakeTracking(below(f"{OF_RUN}/model"))) as found:
        yield found


@pytest.fixture
def blobs() -> MemoryBlobs:
    return MemoryBlobs()


@pytest.fixture
def context(
    open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path, blobs: MemoryBlobs, server: FakeTracking
) -> Context:
    context = open_context(
        open_uow, clock, tmp_path / "home", blobs=blobs, plugins=FakePlugins(facts=replace(FACTS, licence=None))
    )
    settings = Settings(
        mlflow_uri="off",
        tracking_urls=(server.url,),
        tracking_private_hosts=(HOST,),
        tracking_tokens={server.place: "ana:hush"},
    )
    return replace(context, settings=settings)


def wanted(server: FakeTracking, what: str = f"runs/{RUN}/model", **more: Any) -> ImportModel:
    return ImportModel(DIGITS, f"mlflow:{server.place}/{what}", **more)


def setting(context: Context, **changes: Any) -> Catalog:
    return Catalog(replace(context, settings=replace(context.settings, **changes)))


def nothing_is_left(context: Context, blobs: MemoryBlobs) -> bool:
    with context.read() as uow:
        return uow.catalog.model(DIGITS) is None and not blobs.kept and not any(context.home.glob("work/*"))


def fetched_paths(server: FakeTracking) -> list[str]:
    return [one.path.removeprefix(f"{ARTIFACTS}/") for one in server.asked if one.path.startswith(f"{ARTIFACTS}/")]


def test_a_run_becomes_a_version_with_its_server_run_and_folder_and_no_pickle_is_fetched(
    context: Context, server: FakeTracking
) -> None:
    made = Catalog(context).import_model(wanted(server))
    assert made.model.origin == f"mlflow:{server.place}/runs/{RUN}/model"
    assert made.summary.licence == "Apache-2.0"
    assert made.card is not None
    assert {one.path: one.size for one in made.files} == {
        "README.md": 37,
        "config.json": 2,
        "empty.txt": 0,
        "model.safetensors": 350,
        "tokenizer.json": 2,
    }
    root = f"{OF_RUN}/model"
    with context.read() as uow:
        manifest: Any = uow.steps.manifest(made.step)
        step = uow.steps.get(made.step)
    assert step is not None
    assert manifest["facts"]["tracking"] == {
        "server": server.url,
        "path": root,
        "run": RUN,
        "parameters": {"lr": "0.1"},
        "metrics": {"accuracy": 0.9},
    }
    left = "python_env.yaml, model/training_args.bin, model/modeling.py"
    assert f"fetched from {server.url}; not fetched: {left}" in notes_of(manifest)
    assert sorted(fetched_paths(server)) == [
        f"{root}/{path}"
        for path in (
            *("MLmodel", "components/tokenizer/empty.txt", "components/tokenizer/tokenizer.json", "model/config.json"),
            *("model/model.safetensors", "model_card.md", "model_card_data.yaml"),
        )
    ]
    assert {one.headers.get("Authorization") for one in server.asked} == {"Basic YW5hOmh1c2g="}


def test_a_logged_model_is_found_by_its_id_and_by_the_name_that_its_run_gave_it(
    context: Context, server: FakeTracking
) -> None:
    server.files = below(OF_MODEL)
    made = Catalog(context).import_model(wanted(server, f"models/{MODEL}"))
    assert made.model.origin == f"mlflow:{server.place}/models/{MODEL}"
    with context.read() as uow:
        manifest: Any = uow.steps.manifest(made.step)
    said = manifest["facts"]["tracking"]
    assert (said["run"], said["model"], said["path"]) == (RUN, MODEL, OF_MODEL)
    by_name = Catalog(context).import_model(replace(wanted(server), name=Name("library", "named")))
    assert by_name.model.origin == f"mlflow:{server.place}/runs/{RUN}/models/{MODEL}"
    assert by_name.summary.digest == made.summary.digest
    with pytest.raises(NotFoundError, match="has no artifacts of"):
        Catalog(context).import_model(wanted(server, f"runs/{RUN}/other"))


def test_a_logged_model_of_another_run_is_refused(context: Context, server: FakeTracking, blobs: MemoryBlobs) -> None:
    server.files, server.model = below(OF_MODEL), {"source_run_id": "0" * 32}
    with pytest.raises(InvalidError, match="was logged by the run 0000"):
        Catalog(context).import_model(wanted(server, f"runs/{RUN}/models/{MODEL}"))
    assert nothing_is_left(context, blobs)


def test_without_the_setting_or_for_another_server_nothing_is_asked(context: Context, server: FakeTracking) -> None:
    with pytest.raises(RefusedError, match="is no tracking server that this registry may fetch from") as refused:
        setting(context, tracking_urls=()).import_model(wanted(server))
    assert "FOREBEAR_TRACKING_URLS" in refused.value.remedy
    with running(FakeTracking(below(f"{OF_RUN}/model"))) as other:
        with pytest.raises(RefusedError, match=f"{other.place} is no tracking server"):
            Catalog(context).import_model(wanted(other))
        assert other.asked == []
    assert server.asked == []


def test_a_server_of_the_own_network_is_refused_unless_its_host_is_named(
    context: Context, server: FakeTracking
) -> None:
    with pytest.raises(RefusedError, match="without encryption"):
        setting(context, tracking_private_hosts=()).import_model(wanted(server))
    secure = server.url.replace("http:", "https:")
    with pytest.raises(RefusedError, match="not an address of the internet") as refused:
        setting(context, tracking_private_hosts=(), tracking_urls=(secure,)).import_model(wanted(server))
    assert "FOREBEAR_TRACKING_PRIVATE_HOSTS" in refused.value.remedy
    assert server.asked == []


def test_the_token_of_one_server_is_not_sent_to_another(server: FakeTracking) -> None:
    urls = (server.url, "https://track.example/mlflow/")
    one, other = sites_of(Settings(tracking_urls=urls, tracking_tokens={server.place: "hush"}))
    assert (one.authorization, other.authorization) == ("Bearer hush", None)
    assert (other.url, other.place) == ("https://track.example/mlflow", "track.example")
    with pytest.raises(UsageError, match="FOREBEAR_TRACKING_URLS"):
        sites_of(Settings(tracking_urls=("track.example",)))


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/latest/", "http://localhost:1/", "file:///etc/passwd", "//evil.example/weights"]
)
def test_a_redirect_to_another_place_is_refused(
    context: Context, server: FakeTracking, blobs: MemoryBlobs, url: str
) -> None:
    def lie(_: FakeTracking, handler: BaseHTTPRequestHandler, path: str) -> bool:
        return path.endswith(".safetensors") and send(handler, b"", {"Location": url}, status=302)

    server.lies = lie
    with pytest.raises(RefusedError):
        Catalog(context).import_model(wanted(server))
    assert nothing_is_left(context, blobs)


@pytest.mark.parametrize("body", [b"weights" * 51, b"weights" * 49])
def test_another_number_of_bytes_than_was_listed_is_refused(
    context: Context, server: FakeTracking, blobs: MemoryBlobs, body: bytes
) -> None:
    server.lies = lambda _, handler, path: path.endswith(".safetensors") and send(handler, body)
    with pytest.raises(DigestMismatchError):
        Catalog(context).import_model(wanted(server))
    assert nothing_is_left(context, blobs)


def test_a_body_that_breaks_off_is_asked_for_anew_from_its_first_byte(context: Context, server: FakeTracking) -> None:
    weights, broken = FILES["model/model.safetensors"], [True]

    def lie(_: FakeTracking, handler: BaseHTTPRequestHandler, path: str) -> bool:
        if not path.endswith(".safetensors") or not broken.pop():
            return False
        broken.append(False)
        return send(handler, weights[:100], {"Content-Length": str(len(weights))})

    server.lies = lie
    made = Catalog(context).import_model(wanted(server))
    assert [one.headers.get("Range") for one in server.asked if "safetensors" in one.path] == [None, None]
    assert next(one.size for one in made.files if one.path == "model.safetensors") == len(weights)


@pytest.mark.parametrize(
    ("files", "error", "match"),
    [
        ({"MLmodel": b"flavors: {sklearn: {}}", "model.pkl": b"x"}, UnsafeArtifactError, r"a pickle \(model.pkl\)"),
        ({"MLmodel": MLMODEL, "model/pytorch_model.bin": b"x", "model/config.json": b"{}"}, UnsafeArtifactError, "pic"),
        ({"config.json": b"{}", "pytorch_model.bin": b"x"}, UnsafeArtifactError, r"a pickle \(pytorch_model.bin\)"),
        ({"MLmodel": MLMODEL, "model/notes.txt": b"x"}, BadArtifactError, "None of its artifacts are weights"),
        ({"MLmodel": MLMODEL}, BadArtifactError, "a reference and no weights"),
        ({"MLmodel": b"flavors: [", "model.onnx": b"x"}, BadArtifactError, "is not YAML"),
        ({"MLmodel": b"a: " + b"[" * 5000, "model.onnx": b"x"}, BadArtifactError, "is not YAML"),
        ({"MLmodel": b"x" * 300_000, "model.onnx": b"x"}, TooLargeError, "262,144"),
        ({"a.onnx": b"x", "b.onnx": b"x"}, BadArtifactError, "Several"),
        ({f"{n}/x.txt": b"x" for n in range(6)}, TooLargeError, "5 folders"),
        ({f"{n}.txt": b"x" for n in range(8)}, TooLargeError, "7 artifacts"),
    ],
)
def test_what_cannot_be_imported_is_refused_before_any_weights_are_fetched(
    context: Context,
    server: FakeTracking,
    blobs: MemoryBlobs,
    monkeypatch: pytest.MonkeyPatch,
    files: dict[str, bytes],
    error: type[RegistryError],
    match: str,
) -> None:
    monkeypatch.setattr(tracked_importing, "MAX_FOLDERS", 5)
    monkeypatch.setattr(tracked_importing, "MAX_FILES", 7)
    server.files = below(f"{OF_RUN}/model", files)
    with pytest.raises(error, match=match):
        Catalog(context).import_model(wanted(server))
    assert set(fetched_paths(server)) <= {f"{OF_RUN}/model/MLmodel"}
    assert nothing_is_left(context, blobs)


def test_sizes_are_judged_before_a_byte_of_the_weights_is_asked_for(context: Context, server: FakeTracking) -> None:
    with pytest.raises(TooLargeError, match="FOREBEAR_MAX_UPLOAD"):
        setting(context, max_upload=300).import_model(wanted(server))
    assert not any("safetensors" in path for path in fetched_paths(server))


@pytest.mark.parametrize("name", ["../x.safetensors", "a/x.safetensors", "/x.safetensors", ".."])
def test_a_name_that_leads_out_of_its_folder_is_refused(
    context: Context, server: FakeTracking, blobs: MemoryBlobs, name: str
) -> None:
    entry = {"path": name, "is_dir": name == "..", "file_size": "1"}
    server.lies = lambda _, handler, path: path == ARTIFACTS and send_json(handler, {"files": [entry]})
    with pytest.raises(InvalidError):
        Catalog(context).import_model(wanted(server))
    assert nothing_is_left(context, blobs)


def test_folders_without_end_and_a_file_that_is_a_folder_too_are_given_up(
    context: Context, server: FakeTracking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracked_importing, "MAX_FOLDERS", 20)
    deeper: dict[str, Any] = {"files": [{"path": "again", "is_dir": True}]}
    server.lies = lambda _, handler, path: path == ARTIFACTS and send_json(handler, deeper)
    with pytest.raises(TooLargeError, match="20 folders"):
        Catalog(context).import_model(wanted(server))
    both = {"files": [{"path": "a", "is_dir": True}, {"path": "a", "file_size": "3"}]}
    server.lies = lambda _, handler, path: path == ARTIFACTS and send_json(handler, both)
    with pytest.raises(InvalidError, match="lists 'a' twice"):
        Catalog(context).import_model(wanted(server))


@pytest.mark.parametrize(
    ("status", "error"), [(401, RefusedError), (403, RefusedError), (404, NotFoundError), (500, UnavailableError)]
)
def test_what_the_server_refuses_or_does_not_have_is_said(
    context: Context, server: FakeTracking, status: int, error: type[RegistryError]
) -> None:
    server.lies = lambda _, handler, __: send(handler, b"", status=status)
    with pytest.raises(error, match=str(status)):
        Catalog(context).import_model(wanted(server))


def test_a_server_that_answers_nothing_or_no_json_is_given_up(
    context: Context, server: FakeTracking, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.lies = lambda _, handler, __: send(handler, b"[" * 100_000)
    with pytest.raises(InvalidError, match="is not JSON"):
        Catalog(context).import_model(wanted(server))
    monkeypatch.setattr(fetched, "LIST_SECONDS", 0.2)
    over = threading.Event()
    server.lies = lambda *_: over.wait(30)
    with pytest.raises(UnavailableError, match=r"no answer within 0\.2 s"):
        Catalog(context).import_model(wanted(server))
    over.set()


def test_an_origin_of_ones_own_is_refused(context: Context, server: FakeTracking) -> None:
    with pytest.raises(InvalidError, match="is its run"):
        Catalog(context).import_model(wanted(server, origin="us"))
    assert server.asked == []


def test_the_base_that_mlmodel_names_is_a_declared_parent_where_it_was_imported(
    context: Context, server: FakeTracking, tmp_path: Path
) -> None:
    (tmp_path / "base").mkdir()
    for name, body in (("model.safetensors", b"base"), ("tokenizer.json", b"[]"), ("config.json", b"{}")):
        (tmp_path / "base" / name).write_bytes(body)
    base = ImportModel(
        Name("library", "base"), str(tmp_path / "base"), licence="mit", origin=f"hf:acme/base@{'c' * 40}"
    )
    ref = Catalog(context).import_model(base).summary.ref
    made = Catalog(context).import_model(wanted(server))
    assert made.parents == (ref,)
    with context.read() as uow:
        step = uow.steps.get(made.step)
    assert step is not None
    assert [one.assurance for one in step.inputs] == [Assurance.DECLARED]
    assert Catalog(context).version(Reference.to(made.summary.ref)).parents == (ref,)
