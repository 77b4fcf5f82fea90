"""What goes up ahead of a request: in pieces, on from where it broke off, and never twice.

The sizes are small here; the rules are those of large files. The importer copies, so no subprocess is started.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
from fastapi import FastAPI
from safetensors.numpy import save_file

from lineage import Digest
from registry import bootstrap
from registry.auth import Attempts, Doorkeeper
from registry.client import uploads as ahead
from registry.client.registry import RemoteRegistry, connect
from registry.client.transport.connection import Connection
from registry.domain.names import Name, Reference
from registry.domain.recipes.recipe import Method
from registry.domain.transfers.recorded import RecordTransfer, UsedInput
from registry.domain.transfers.steps import StepState
from registry.domain.verbs.catalog import ImportModel
from registry.errors import (
    BadArtifactError,
    DigestMismatchError,
    InvalidError,
    NameTakenError,
    NoSpaceError,
    RegistryError,
    ServerUnreachableError,
    TooLargeError,
    UnauthenticatedError,
    UnsafeArtifactError,
    UsageError,
)
from registry.ports.clock import Clock
from registry.server import create_app
from registry.services.drafts import uploading
from registry.services.keys import registry_key
from registry.services.registry import LocalRegistry
from tests.adapters.dvc.worlds import draw
from tests.fakes.clock import FakeClock
from tests.fakes.plugins import FACTS, FakePlugins
from tests.proxies import buffering
from tests.serving import HOST, ServedRegistry, listening, serve_family

PIECE = 1000
NUMBERS = count()


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedRegistry]:
    """A server whose importer copies, and which takes small pieces."""
    served = serve_family(tmp_path_factory.mktemp("uploads") / "home")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("INLINE", 500), ("PIECE", PIECE), ("SMALL", 300), ("JOINED", 600)):
            patch.setattr(ahead, name, value)
        patch.setattr(uploading, "LEAST", PIECE)
        yield replace(served, app=app(served, licence="mit"))


def app(served: ServedRegistry, *, licence: str | None, clock: Clock | None = None) -> FastAPI:
    settings, home = served.family.settings, served.family.home
    opened = bootstrap.open_system(home, settings=settings).context
    plugins = FakePlugins(facts=replace(FACTS, licence=licence))
    context = replace(opened, plugins=plugins, clock=clock or opened.clock)
    registry = LocalRegistry(context)
    door = Doorkeeper(registry.sessions, registry_key(home, settings), Attempts(per_minute=100_000))
    return create_app(registry, settings, door, home=home)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """2,500 bytes of weights, five small files of 200 bytes, and an empty one: other bytes in each test."""
    small = {f"{name}/config.json": of(name + tmp_path.name, 200) for name in "abcde"}
    return draw(tmp_path / "bert", {"model.safetensors": of(tmp_path.name, 2500), **small, "empty.txt": ""})


def of(word: str, size: int) -> str:
    return (Digest.of(word.encode()).hex * size)[:size]


class Counted:
    """A client of the server that counts what goes up, and may break a request off."""

    def __init__(
        self,
        served: ServedRegistry,
        breaks: Callable[[int], bool] = lambda _: False,
        *,
        loses: tuple[str, int] = ("", 0),
    ) -> None:
        self.client, self.breaks, self.loses = served.client(), breaks, loses
        self.sent: list[int] = []
        self.posted: list[int] = []
        self.registry = RemoteRegistry(
            Connection(HOST, served.family.tokens["dev"], http=self, sleep=lambda _: None)  # type: ignore[arg-type]
        )

    @contextmanager
    def stream(self, method: str, url: str, *, content: Any = None, **rest: Any) -> Iterator[Any]:
        number = 0
        if method == "PATCH":
            if self.breaks(len(self.sent)):
                raise httpx2.ConnectError("the cable was pulled")
            self.sent.append(len(content))
            number = len(self.sent)
        elif method == "POST" and url.endswith(("/versions", "/identify")):
            content = b"".join(content)
            self.posted.append(len(content))
            number = len(self.posted)
        with self.client.stream(method, url, content=content, **rest) as answer:
            if (method, number) == self.loses:
                raise httpx2.ReadError("the answer was lost")
            yield answer

    def add(self, source: Path, **more: Any) -> Any:
        name = Name("library", f"bert{next(NUMBERS)}")
        return self.registry.catalog.import_model(ImportModel(name, str(source), **more))


def kept(served: ServedRegistry) -> int:
    """Bytes that dev has sent and not registered. No file waits on the server's disk."""
    assert list((served.family.home / "uploads").glob("*")) == []
    with served.family.registry("dev").context.read() as uow:
        return uow.drafts.size_sent("dev")


def test_a_folder_goes_up_in_pieces_small_files_joined_and_nothing_is_left(own: ServedRegistry, source: Path) -> None:
    counted, before = Counted(own), kept(own)
    made = counted.add(source)
    assert counted.sent == [600, 1000, 1000, 500, 400]
    assert {one.path: one.size for one in made.files} == {
        "empty.txt": 0,
        "model.safetensors": 2500,
        **{f"{name}/config.json": 200 for name in "abcde"},
    }
    assert kept(own) == before


def test_an_upload_that_broke_off_goes_on_in_another_program_and_sends_only_what_is_missing(
    own: ServedRegistry, source: Path
) -> None:
    first, before = Counted(own, breaks=lambda sent: sent >= 2), kept(own)
    with pytest.raises(ServerUnreachableError):
        first.add(source)
    assert (first.sent, first.posted) == ([600, 1000], [])
    assert kept(own) == before + 1600
    second = Counted(replace(own, app=app(own, licence="mit")))  # the server was started anew, too
    second.add(source)
    assert second.sent == [1000, 500, 400]


def test_a_piece_whose_answer_was_lost_is_not_kept_twice(own: ServedRegistry, source: Path) -> None:
    counted = Counted(own, loses=("PATCH", 1))
    counted.add(source)
    assert counted.sent == [600, 600, 1000, 1000, 500, 400], "the second attempt is told to go on after it"


def test_a_refused_import_keeps_what_was_sent_and_the_next_attempt_sends_nothing(
    own: ServedRegistry, source: Path
) -> None:
    mute = replace(own, app=app(own, licence=None))
    first, second = Counted(mute), Counted(mute)
    with pytest.raises(InvalidError, match="does not state its licence"):
        first.add(source)
    second.add(source, licence="MIT")
    assert second.sent == []


def test_a_file_of_a_version_that_one_may_read_is_not_sent_again(own: ServedRegistry, source: Path) -> None:
    Counted(own).add(source)
    weights = (source / "model.safetensors").read_text()
    (source / "two.safetensors").write_text(weights)
    (source / "model.safetensors").write_text(weights + "more" * 10)
    counted = Counted(own)
    counted.add(source)
    assert counted.sent == [600, 1000, 1000, 540, 400]


def test_what_a_program_made_is_sent_in_pieces_and_recorded(own: ServedRegistry, source: Path) -> None:
    counted, before = Counted(own), kept(own)
    inputs = (UsedInput(Reference.to(own.family.backbone), "source"),)
    made = RecordTransfer(Name("library", "own"), Method.FINE_TUNING, inputs, str(source))
    step = counted.registry.transfers.record(made)
    assert (counted.sent, kept(own)) == ([600, 1000, 1000, 500, 400], before)
    assert step.summary.output is not None
    assert len(counted.registry.catalog.version(Reference.to(step.summary.output)).files) == 7


def test_a_request_that_is_sent_again_is_answered_as_before(own: ServedRegistry, source: Path) -> None:
    counted = Counted(own, loses=("POST", 1))
    made = counted.add(source)
    assert made.summary.ref.number == 1
    assert len(counted.posted) == 2


def test_a_file_that_changes_while_it_is_sent_makes_no_version(own: ServedRegistry, source: Path) -> None:
    weights = source / "model.safetensors"

    def changing(sent: int) -> bool:
        if sent == 1:
            weights.write_text("v" * 2500)
        return False

    with pytest.raises(DigestMismatchError, match="announced"):
        Counted(own, changing).add(source)

    def shorter(sent: int) -> bool:
        if sent == 1:
            weights.write_text("v")
        return False

    weights.write_text("u" * 2500)
    with pytest.raises(UsageError, match="became shorter"):
        Counted(own, shorter).add(source)


def _sent(*files: Mapping[str, object]) -> bytes:
    return b'{"x": ' if not files else str(list(files)).replace("'", '"').replace("None", "null").encode()


NOTHING = "sha256:" + "0" * 64
ODD: tuple[tuple[bytes, int], ...] = (
    (_sent(), 400),
    (_sent({"path": "../x", "size": 1, "sha256": NOTHING}), 422),
    (_sent({"path": "x.dvc", "size": 1, "sha256": NOTHING}), 422),
    (_sent({"path": "x", "size": 1, "sha256": NOTHING}), 422),
    (_sent(*[{"path": "x", "size": 0, "sha256": NOTHING}] * 2), 400),
    (_sent({"path": "x", "size": 0, "sha256": NOTHING}, {"path": "x/y", "size": 0, "sha256": NOTHING}), 400),
    (_sent({"path": "x", "size": 2**50, "sha256": NOTHING}), 413),
)


def test_files_that_were_not_sent_or_have_no_right_path_make_no_version(own: ServedRegistry) -> None:
    before = kept(own)
    for sent, status in ODD:
        body = b'--b\r\nContent-Disposition: form-data; name="sent"\r\n\r\n' + sent + b"\r\n--b--\r\n"
        kind = {"Content-Type": "multipart/form-data; boundary=b"}
        answer = own.client("dev").post("/api/v1/models/library/new/versions", content=body, headers=kind)
        assert answer.status_code == status, answer.text
        nowhere = own.client("dev").post("/api/v1/lineage/identify", content=body, headers=kind)
        assert nowhere.status_code in {400, 413, 422}
    assert kept(own) == before


def test_of_a_checkpoint_only_the_weights_go_up_to_be_identified(own: ServedRegistry, tmp_path: Path) -> None:
    folder = draw(tmp_path / "checkpoint", {"optimizer.pt": of("state", 50_000), "README.md": "# Mine"})
    alike = Counted(own)
    with pytest.raises(BadArtifactError, match="'checkpoint' holds no safetensors file"):
        alike.registry.lineage.identify(str(folder))
    with pytest.raises(UnsafeArtifactError, match="can be a pickle"):
        alike.registry.lineage.identify(str(folder / "optimizer.pt"))
    assert alike.posted == []
    save_file({"w": np.zeros((2, 3), np.float32)}, folder / "model.safetensors")
    found = alike.registry.lineage.identify(str(folder))
    assert (found.file, found.tensors) == ("checkpoint", 1)
    assert len(alike.posted) == 1
    assert alike.posted[0] < 1500


def test_through_a_proxy_that_buffers_everything_goes_up_down_and_on(
    own: ServedRegistry, source: Path, tmp_path: Path
) -> None:
    with listening(own.app) as address, buffering(address, most=2000) as proxy:
        registry = connect(proxy.url, token=own.family.tokens["dev"])
        made = registry.catalog.import_model(ImportModel(Name("library", f"bert{next(NUMBERS)}"), str(source)))
        registry.catalog.pull(Reference.to(made.summary.ref), tmp_path / "pulled")
        news = registry.transfers.news(made.step)  # progress is asked for again and again, so nothing is held back
        registry.close()
    assert (tmp_path / "pulled/model.safetensors").stat().st_size == 2500
    assert max(size for method, size in proxy.passed if method == "PATCH") == PIECE
    assert news.summary.state is StepState.SUCCEEDED


def test_a_proxy_that_takes_no_body_of_this_size_is_said(own: ServedRegistry, source: Path) -> None:
    with listening(own.app) as address, buffering(address, most=PIECE - 1) as proxy:
        registry = connect(proxy.url, token=own.family.tokens["dev"])
        with pytest.raises(TooLargeError, match="something before it") as refused:
            registry.catalog.import_model(ImportModel(Name("library", f"bert{next(NUMBERS)}"), str(source)))
        registry.close()
    assert "client_max_body_size" in refused.value.remedy


def test_a_server_whose_disk_is_full_says_so_and_goes_on_when_there_is_space(
    own: ServedRegistry, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("the system has no /dev/full")
    real, opened = Path.open, list[str]()

    def full(path: Path, mode: str = "r", *rest: Any, **more: Any) -> Any:
        if path.name == "piece" and mode == "xb":
            opened.append(mode)
            if len(opened) == 3:
                return open("/dev/full", "wb", buffering=0)  # noqa: PTH123 - the device stands for the disk
        return real(path, mode, *rest, **more)

    monkeypatch.setattr(Path, "open", full)
    first, second, before = Counted(own), Counted(own), kept(own)
    with pytest.raises(NoSpaceError):
        first.add(source)
    assert kept(own) == before + 1600
    second.add(source)
    assert second.sent == [1000, 500, 400]


@pytest.fixture
def old(own: ServedRegistry) -> Iterator[str]:
    """The address of a server that has no uploads in pieces, and says another version of itself."""
    app = own.app

    async def without(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and "/uploads" in scope["path"]:
            scope = {**scope, "path": "/api/v1/none", "raw_path": b"/api/v1/none"}

        async def named(message: Any) -> None:
            if message["type"] == "http.response.start":
                headers = [one for one in message["headers"] if one[0].lower() != b"forebear-version"]
                message = {**message, "headers": [*headers, (b"forebear-version", b"0.0.1")]}
            await send(message)

        await app(scope, receive, named)

    without.state = app.state  # type: ignore[attr-defined]
    with listening(without) as url:  # type: ignore[arg-type]
        yield url


def test_a_server_that_knows_no_pieces_is_said_with_both_versions(own: ServedRegistry, old: str, source: Path) -> None:
    with connect(old, token=own.family.tokens["dev"]) as registry, pytest.raises(RegistryError) as refused:
        registry.catalog.import_model(ImportModel(Name("library", f"bert{next(NUMBERS)}"), str(source)))
    assert refused.value.code == "other-version"
    assert "0.0.1" in str(refused.value)


def test_a_name_that_folds_to_another_is_refused_before_anything_is_sent(own: ServedRegistry, source: Path) -> None:
    first, second, before = Counted(own), Counted(own), kept(own)
    first.registry.catalog.import_model(ImportModel(Name("library", "fold-1"), str(source)))
    (source / "model.safetensors").write_text(of("other", 3000))
    with pytest.raises(NameTakenError, match="- counts as _"):
        second.registry.catalog.import_model(ImportModel(Name("library", "fold_1"), str(source)))
    assert (second.sent, second.posted, kept(own)) == ([], [], before)


def test_a_token_that_has_expired_is_refused_before_anything_is_sent(own: ServedRegistry, source: Path) -> None:
    late = Counted(replace(own, app=app(own, licence="mit", clock=FakeClock(datetime.now(UTC) + timedelta(days=400)))))
    with pytest.raises(UnauthenticatedError) as refused:
        late.add(source)
    assert (refused.value.code, late.sent, late.posted) == ("unauthenticated", [], [])
    assert "forebear login" in refused.value.remedy
