"""Imports from a Hub: only from where a setting allows, only what was listed, and nothing is left of what was refused.

The Hubs here are real servers on this machine, which the setting of private hosts allows.
"""

from __future__ import annotations

import errno
import io
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from lineage import Assurance
from registry.domain.names import Name
from registry.domain.people.teams import Sight
from registry.domain.transfers.provenance import notes_of
from registry.domain.verbs.catalog import ImportModel
from registry.errors import (
    DigestMismatchError,
    InvalidError,
    NoSpaceError,
    NotFoundError,
    RefusedError,
    RegistryError,
    TooLargeError,
    UnavailableError,
    UnsafeArtifactError,
)
from registry.services.catalog import fetched
from registry.services.catalog.verbs import Catalog
from registry.services.context import Context
from registry.settings import Settings
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.fakes.blobs import MemoryBlobs
from tests.fakes.clock import FakeClock
from tests.fakes.plugins import FACTS, FakePlugins
from tests.hubs import README, SHA, FakeHub, running, send
from tests.listening import HOST
from tests.registry.services.registries import open_context

DIGITS = Name("library", "digits")
WANTED = ImportModel(DIGITS, "hf:acme/digits@main")
FILES = {"README.md": README, "config.json": b"{}", "model.safetensors": b"weights" * 50}
FURTHER = {"pytorch_model.bin": b"pickle", "modeling.py": b"import os", ".gitattributes": b"x", "LICENSE": b"Apache"}


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with running(FakeHub(dict(FILES))) as found:
        yield found


@pytest.fixture
def blobs() -> MemoryBlobs:
    return MemoryBlobs()


@pytest.fixture
def context(
    open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path, blobs: MemoryBlobs, hub: FakeHub
) -> Context:
    plugins = FakePlugins(facts=replace(FACTS, licence=None, task=None))
    context = open_context(open_uow, clock, tmp_path / "home", blobs=blobs, plugins=plugins)
    settings = Settings(mlflow_uri="off", hub_url=hub.url, hub_private_hosts=(HOST,), hub_token="hush")
    return replace(context, settings=settings)


def setting(context: Context, **changes: Any) -> Catalog:
    return Catalog(replace(context, settings=replace(context.settings, **changes)))


def nothing_is_left(context: Context, blobs: MemoryBlobs) -> bool:
    with context.read() as uow:
        return uow.catalog.model(DIGITS) is None and not blobs.kept and not any(context.home.glob("work/*"))


def asked_paths(hub: FakeHub) -> list[str]:
    return [one.path for one in hub.asked]


def test_a_repository_becomes_a_version_pinned_to_its_commit(context: Context, hub: FakeHub) -> None:
    hub.files |= FURTHER
    made = Catalog(context).import_model(WANTED)
    assert (made.model.origin, made.upstream) == (f"hf:acme/digits@{SHA}", f"hf:acme/digits@{SHA}")
    assert (made.summary.licence, made.model.task) == ("Apache-2.0", "image-classification")
    assert asked_paths(hub) == [
        "/api/models/acme/digits/revision/main?blobs=true",
        *(
            f"/acme/digits/resolve/{SHA}/{path}"
            for path in ("README.md", "config.json", "model.safetensors", "LICENSE")
        ),
    ]
    with context.read() as uow:
        notes = notes_of(uow.steps.manifest(made.step))
    assert f"fetched from {hub.url}; not fetched: pytorch_model.bin, modeling.py, .gitattributes" in notes


def test_without_the_setting_nothing_is_asked_and_the_command_that_downloads_is_said(
    context: Context, hub: FakeHub
) -> None:
    with pytest.raises(RefusedError, match="no Hub is set") as refused:
        setting(context, hub_url=None).import_model(WANTED)
    assert "Download it first: hf download acme/digits --revision main." in refused.value.remedy
    assert hub.asked == []


def test_a_hub_of_the_own_network_is_refused_unless_its_host_is_named(context: Context, hub: FakeHub) -> None:
    with pytest.raises(RefusedError, match="without encryption"):
        setting(context, hub_private_hosts=()).import_model(WANTED)
    with pytest.raises(RefusedError, match="not an address of the internet") as refused:
        setting(context, hub_private_hosts=(), hub_url=hub.url.replace("http:", "https:")).import_model(WANTED)
    assert "FOREBEAR_HUB_PRIVATE_HOSTS" in refused.value.remedy
    assert hub.asked == []


def test_the_files_may_come_from_another_host_if_it_is_named_and_the_token_goes_to_the_hub_alone(
    context: Context, hub: FakeHub
) -> None:
    with running(FakeHub(dict(FILES))) as cdn:
        hub.lies = _sends_weights_to(cdn.url)
        with pytest.raises(RefusedError, match=f"{cdn.place} is no host that models may be fetched from"):
            Catalog(context).import_model(WANTED)
        assert cdn.asked == []
        setting(context, hub_hosts=(cdn.place,)).import_model(WANTED)
        assert [one.headers.get("Authorization") for one in cdn.asked] == [None]
        assert {one.headers.get("Authorization") for one in hub.asked} == {"Bearer hush"}


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://localhost:1/",
        "https://user:secret@127.0.0.1/",
        "file:///etc/passwd",
        "//evil.example/weights",
        "http://[::ffff:127.0.0.1]/",
    ],
)
def test_a_redirect_to_any_other_place_is_refused(context: Context, blobs: MemoryBlobs, hub: FakeHub, url: str) -> None:
    hub.lies = _sends_weights_to(url, exact=True)
    with pytest.raises(RefusedError):
        Catalog(context).import_model(WANTED)
    assert nothing_is_left(context, blobs)


def _sends_weights_to(url: str, *, exact: bool = False) -> Any:
    def lie(_: FakeHub, handler: BaseHTTPRequestHandler, path: str) -> bool:
        there = url if exact else url + path
        return path.endswith(".safetensors") and send(handler, b"", {"Location": there}, status=302)

    return lie


def test_redirects_in_a_circle_come_to_an_end(context: Context, hub: FakeHub) -> None:
    hub.lies = lambda _, handler, path: send(handler, b"", {"Location": path}, status=307)
    with pytest.raises(UnavailableError, match="from one address to the next"):
        Catalog(context).import_model(WANTED)
    assert len(hub.asked) == 6


def _endless(_: FakeHub, handler: BaseHTTPRequestHandler, path: str) -> bool:
    if not path.endswith(".safetensors"):
        return False
    handler.send_response(200)
    handler.end_headers()  # no length: it ends when the connection does
    for _piece in range(200_000):
        handler.wfile.write(b"x" * 4096)
    return True


def _other_bytes(hub: FakeHub, handler: BaseHTTPRequestHandler, path: str) -> bool:
    name = path.rpartition("/")[2]
    return path.endswith("config.json") and send(handler, b"X" * len(hub.files[name]))


def _other_weights(hub: FakeHub, handler: BaseHTTPRequestHandler, path: str) -> bool:
    return path.endswith(".safetensors") and send(handler, b"X" * len(hub.files["model.safetensors"]))


def _moved(hub: FakeHub, handler: BaseHTTPRequestHandler, path: str) -> bool:
    weights = hub.files["model.safetensors"]
    return path.endswith(".safetensors") and send(handler, weights, {"X-Repo-Commit": "0" * 40})


@pytest.mark.parametrize("lie", [_endless, _other_bytes, _other_weights, _moved])
def test_other_bytes_than_the_hub_listed_are_refused_and_nothing_of_them_stays(
    context: Context, blobs: MemoryBlobs, hub: FakeHub, lie: Any
) -> None:
    hub.lies = lie
    with pytest.raises(DigestMismatchError):
        Catalog(context).import_model(WANTED)
    assert nothing_is_left(context, blobs)


def test_another_commit_than_the_one_that_was_named_is_refused(context: Context) -> None:
    with pytest.raises(InvalidError, match=f"the commit {SHA} instead of {'a' * 40}"):
        Catalog(context).import_model(replace(WANTED, source=f"hf:acme/digits@{'a' * 40}"))


@pytest.mark.parametrize(
    ("siblings", "error", "match"),
    [
        ([{"rfilename": "../../model.safetensors", "size": 1, "blobId": SHA}], InvalidError, "clean relative path"),
        ([{"rfilename": "/etc/model.safetensors", "size": 1, "blobId": SHA}], InvalidError, "clean relative path"),
        ([{"rfilename": "a\\b.safetensors", "size": 1, "blobId": SHA}], InvalidError, "clean relative path"),
        ([{"rfilename": "a.safetensors", "size": 1, "blobId": SHA}] * 2, InvalidError, "twice"),
        (
            [{"rfilename": name, "size": 1, "blobId": SHA} for name in ("a.safetensors", "a.safetensors/b.json")],
            InvalidError,
            "a file and a folder",
        ),
        ([{"rfilename": "a.safetensors", "size": -1, "blobId": SHA}], InvalidError, "size"),
        ([{"rfilename": "a.safetensors", "size": 1}], InvalidError, "digest"),
        ([{"rfilename": "a.safetensors", "size": 1, "lfs": {"sha256": "x"}, "blobId": SHA}], InvalidError, "digest"),
        ([{"rfilename": f"{n}.json", "size": 1, "blobId": SHA} for n in range(10_001)], TooLargeError, "10,001 files"),
        ([{"rfilename": "a.safetensors", "size": 2**60, "blobId": SHA}], TooLargeError, "FOREBEAR_MAX_UPLOAD"),
        ([{"rfilename": "pytorch_model.bin", "size": 1, "blobId": SHA}], UnsafeArtifactError, "pickles"),
        ([{"rfilename": "onnx/model.onnx", "size": 1, "blobId": SHA}], UnsafeArtifactError, "no weights in safe"),
        ("none", InvalidError, "no commit with its files"),
    ],
)
def test_a_list_that_is_not_right_is_refused_before_any_file_is_asked_for(
    context: Context, blobs: MemoryBlobs, hub: FakeHub, siblings: Any, error: type[RegistryError], match: str
) -> None:
    hub.said = {"siblings": siblings}
    with pytest.raises(error) as refused:
        Catalog(context).import_model(WANTED)
    assert match in str(refused.value)
    assert len(hub.asked) == 1
    assert nothing_is_left(context, blobs)


def test_a_million_files_are_given_up_while_their_list_comes(context: Context, hub: FakeHub) -> None:
    def lie(_: FakeHub, handler: BaseHTTPRequestHandler, __: str) -> bool:
        one = json.dumps({"rfilename": "a" * 60 + ".json", "size": 1, "blobId": SHA}).encode() + b","
        return send(handler, b'{"sha":"' + SHA.encode() + b'","siblings":[' + one * 150_000)

    hub.lies = lie
    with pytest.raises(TooLargeError, match="More came than"):
        Catalog(context).import_model(WANTED)


@pytest.mark.parametrize(
    ("status", "error"), [(401, RefusedError), (403, RefusedError), (404, NotFoundError), (500, UnavailableError)]
)
def test_what_the_hub_refuses_or_does_not_have_is_said(
    context: Context, hub: FakeHub, status: int, error: type[RegistryError]
) -> None:
    hub.lies = lambda _, handler, __: send(handler, b"", status=status)
    with pytest.raises(error, match=str(status)):
        Catalog(context).import_model(WANTED)


def test_a_body_that_breaks_off_goes_on_from_the_last_byte_that_came(context: Context, hub: FakeHub) -> None:
    weights = hub.files["model.safetensors"]

    def lie(_: FakeHub, handler: BaseHTTPRequestHandler, path: str) -> bool:
        if not path.endswith(".safetensors") or "Range" in handler.headers:
            return False
        return send(handler, weights[:100], {"Content-Length": str(len(weights))})

    hub.lies = lie
    Catalog(context).import_model(WANTED)
    assert [one.headers.get("Range") for one in hub.asked if "safetensors" in one.path] == [None, "bytes=100-"]


def test_a_hub_that_answers_nothing_is_given_up(
    context: Context, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetched, "LIST_SECONDS", 0.2)
    over = threading.Event()
    hub.lies = lambda *_: over.wait(30)
    with pytest.raises(UnavailableError, match=r"no answer within 0\.2 s"):
        Catalog(context).import_model(WANTED)
    over.set()


def test_a_disk_that_is_full_is_said_and_nothing_stays(
    context: Context, blobs: MemoryBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(io.BytesIO):
        def write(self, chunk: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    real = Path.open
    monkeypatch.setattr(Path, "open", lambda file, mode="r", **how: Full() if mode == "xb" else real(file, mode, **how))
    with pytest.raises(NoSpaceError, match="disk is full"):
        Catalog(context).import_model(WANTED)
    assert nothing_is_left(context, blobs)


def test_the_repository_that_the_card_names_is_a_declared_parent_where_it_was_imported(
    context: Context, hub: FakeHub
) -> None:
    base = Catalog(context).import_model(WANTED).summary.ref
    hub.files = {**FILES, "model.safetensors": b"tuned"}
    hub.said = {"cardData": {"base_model": ["Acme/Digits", "none/other"]}}
    made = Catalog(context).import_model(ImportModel(Name("library", "tuned"), "hf:acme/tuned"))
    assert made.parents == (base,)
    with context.read() as uow:
        step = uow.steps.get(made.step)
    assert step is not None
    assert [one.assurance for one in step.inputs] == [Assurance.DECLARED]


def test_of_several_versions_of_that_repository_none_is_guessed(context: Context, hub: FakeHub) -> None:
    catalog = Catalog(context)
    catalog.import_model(WANTED)
    hub.files["model.safetensors"] = b"newer"
    catalog.import_model(WANTED)
    hub.files["model.safetensors"] = b"tuned"
    hub.said = {"cardData": {"base_model": "acme/digits"}}
    made = catalog.import_model(ImportModel(Name("library", "tuned"), "hf:acme/tuned"))
    assert made.parents == ()
    assert any("names acme/digits, of which 2 versions are here" in note for note in made.notes)


def test_an_origin_of_ones_own_is_refused(context: Context, hub: FakeHub) -> None:
    with pytest.raises(InvalidError, match="is its repository"):
        Catalog(context).import_model(replace(WANTED, origin="us"))
    assert hub.asked == []


def test_a_parent_in_a_team_that_is_closed_to_one_is_not_named(context: Context, hub: FakeHub) -> None:
    Catalog(context).import_model(WANTED)
    hub.files["model.safetensors"] = b"newer"
    Catalog(context).import_model(WANTED)
    hub.files["model.safetensors"] = b"tuned"
    hub.said = {"cardData": {"base_model": "acme/digits"}}
    blind = replace(context, actor=replace(context.actor, sight=Sight({"library": None}, "ana")))
    made = Catalog(blind).import_model(ImportModel(Name("vision", "tuned"), "hf:acme/tuned"))
    assert made.parents == ()
    assert not any("acme/digits" in note for note in made.notes)
