"""What can go wrong between a client and its server: each has one sentence and a code, and nothing is left behind."""

from __future__ import annotations

import hashlib
import json
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from lineage import Digest
from registry import __version__
from registry.client.catalog import write_plan
from registry.client.registry import RemoteRegistry
from registry.client.transport.connection import ATTEMPTS, Connection, check_address
from registry.client.transport.downloads import download
from registry.client.transport.uploads import Part, parts_of, upload
from registry.domain.manifests import FileEntry
from registry.domain.names import AssetKind, Name, Reference, VersionRef
from registry.domain.people.people import Actor
from registry.domain.verbs.catalog import PulledFiles, PullPlan
from registry.errors import (
    CertificateRefusedError,
    DigestMismatchError,
    InvalidError,
    NoSpaceError,
    NotAServerError,
    NotFoundError,
    OtherVersionError,
    PolicyRefusedError,
    RegistryError,
    RepeatedRequestError,
    ServerUnreachableError,
    TooManyRequestsError,
    UnauthenticatedError,
    UsageError,
)

URL = "https://registry.example"
Handler = Callable[[httpx2.Request], httpx2.Response]
ACTOR = {"handle": "ana", "roles": ["admin"], "service": False}
EXACT_REF = VersionRef(AssetKind.MODELS, Name("a", "b"), 1)
EXACT = Reference.to(EXACT_REF)
CONTENT = bytes(range(256)) * 999


def connection(handler: Handler, *, token: str | None = "fbr_x", pauses: list[float] | None = None) -> Connection:
    client = httpx2.Client(transport=httpx2.MockTransport(handler))
    waits = [] if pauses is None else pauses
    return Connection(URL, token, http=client, sleep=waits.append)


def answering(status: int, body: object = None, *, kind: str = "application/json", **headers: str) -> Handler:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return lambda _: httpx2.Response(status, content=content, headers={"Content-Type": kind, **headers})


def problem(status: int, code: str, detail: str = "No", **facts: object) -> Handler:
    body = {"type": "x", "title": "x", "status": status, "detail": detail, "code": code, "facts": facts, "remedy": "Do"}
    return answering(status, body, kind="application/problem+json", **{"Forebear-Version": "9.9"})


def failing(error: Exception, *, times: int, then: Handler) -> Handler:
    left = [times]

    def handle(request: httpx2.Request) -> httpx2.Response:
        if left[0]:
            left[0] -= 1
            raise error
        return then(request)

    return handle


def test_a_lost_connection_is_made_again_with_growing_pauses() -> None:
    pauses: list[float] = []
    lost = failing(httpx2.ReadError("reset by peer"), times=ATTEMPTS - 1, then=answering(200, ACTOR))
    assert connection(lost, pauses=pauses).get(Actor, "/me").handle == "ana"
    assert len(pauses) == ATTEMPTS - 1
    assert pauses[-1] > pauses[0]


def test_a_server_that_asks_to_wait_is_asked_again_when_it_says() -> None:
    pauses: list[float] = []
    answers = iter((problem(429, "rate-limited", retry_after=7), answering(200, ACTOR)))

    def handle(request: httpx2.Request) -> httpx2.Response:
        return next(answers)(request)

    assert connection(handle, pauses=pauses).get(Actor, "/me").handle == "ana"
    assert pauses == [7.0]
    with pytest.raises(TooManyRequestsError, match="No"):
        connection(problem(429, "rate-limited", retry_after=7), pauses=pauses).get(Actor, "/me")
    assert len(pauses) == ATTEMPTS


def test_a_server_that_stays_away_is_named_with_its_reason() -> None:
    gone = failing(httpx2.ConnectError("Connection refused"), times=99, then=answering(200, ACTOR))
    with pytest.raises(ServerUnreachableError, match=rf"{URL} cannot be reached: Connection refused"):
        connection(gone).get(Actor, "/me")


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_proxy_without_its_server_is_asked_again(status: int) -> None:
    tries: list[str] = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        tries.append(str(request.url))
        kind = {"Content-Type": "text/html"}
        return httpx2.Response(status, content=b"<h1>x</h1>", headers=kind) if len(tries) == 1 else ok(request)

    ok = answering(200, ACTOR)
    assert connection(handle).get(Actor, "/me").handle == "ana"
    assert tries == [f"{URL}/api/v1/me"] * 2


def test_every_attempt_at_a_change_carries_the_same_key_and_another_change_another() -> None:
    keys: list[str | None] = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        keys.append(request.headers.get("idempotency-key"))
        if len(keys) < 3:
            raise httpx2.RemoteProtocolError("Server disconnected")
        return answering(200, ACTOR)(request)

    server = connection(handle)
    server.send(Actor, "PUT", "/x", {"a": 1})
    server.send(Actor, "PUT", "/x", {"a": 1})
    server.get(Actor, "/me")
    assert len(set(keys[:3])) == 1
    assert keys[3] not in {None, keys[0]}
    assert keys[4] is None


def test_a_change_that_is_still_being_carried_out_is_waited_for() -> None:
    left = [3]

    def handle(request: httpx2.Request) -> httpx2.Response:
        left[0] -= 1
        going = problem(409, "request-repeated", "It is being carried out", answered=False)
        return going(request) if left[0] else answering(200, ACTOR)(request)

    assert connection(handle).send(Actor, "PUT", "/x").handle == "ana"
    with pytest.raises(RepeatedRequestError):
        connection(problem(409, "request-repeated", answered=True)).send(Actor, "PUT", "/x")


def test_a_certificate_that_does_not_verify_is_refused_at_once() -> None:
    tries: list[int] = []
    cause = ssl.SSLCertVerificationError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed")

    def handle(_: httpx2.Request) -> httpx2.Response:
        tries.append(1)
        raise httpx2.ConnectError(str(cause)) from cause

    with pytest.raises(CertificateRefusedError, match=f"The certificate of {URL} is refused: self-signed"):
        connection(handle).get(Actor, "/me")
    assert len(tries) == 1


@pytest.mark.parametrize(
    ("handler", "sentence"),
    [
        (answering(200, b"<html>", kind="text/html; charset=utf-8"), "is not a Forebear server"),
        (answering(404, b"nope", kind="text/plain"), "it answers 404 Not Found"),
        (answering(418, {"error": "teapot"}), "it answers 418"),
        (answering(301, b"", Location="https://elsewhere.example/"), "sends to another address: https://elsewhere"),
        (answering(200, {"kind": "something else"}), "cannot be read"),
        (answering(200, b"not JSON"), "cannot be read"),
        (answering(500, b"{", kind="application/problem+json"), "not JSON"),
    ],
)
def test_what_is_no_server_of_ours_is_said_with_what_it_answered(handler: Handler, sentence: str) -> None:
    with pytest.raises(NotAServerError, match=sentence):
        connection(handler).get(Actor, "/me")


def test_the_token_is_not_sent_on_to_where_a_server_points() -> None:
    asked: list[str] = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url.host)
        return answering(307, b"", Location="https://thief.example/")(request)

    with pytest.raises(NotAServerError):
        connection(handle).get(Actor, "/me")
    assert asked == ["registry.example"]


@pytest.mark.parametrize(
    "handler",
    [
        answering(200, ACTOR | {"more": 1}, **{"Forebear-Version": "9.9"}),
        problem(404, "not-found", "There is nothing at GET /api/v1/me", address="/api/v1/me"),
        problem(405, "method-not-allowed"),
        problem(400, "bad-filter", "There is no query parameter 'new' here"),
    ],
)
def test_a_server_of_another_version_is_said_with_both_versions(handler: Handler) -> None:
    with pytest.raises(OtherVersionError, match=f"Forebear 9.9, and this is Forebear {__version__}") as error:
        connection(handler).get(Actor, "/me")
    assert error.value.facts == {"server": "9.9", "client": __version__}


def test_an_error_of_the_server_is_the_same_error_here() -> None:
    with pytest.raises(NotFoundError) as missing:
        connection(problem(404, "not-found", "models:/a/b does not exist", near="x")).get(Actor, "/me")
    assert (missing.value.message, missing.value.remedy, missing.value.facts) == (
        "models:/a/b does not exist", "Do", {"near": "x"},
    )  # fmt: skip
    with pytest.raises(PolicyRefusedError) as refused:
        connection(problem(403, "policy-refused", reasons=["a", "b"])).get(Actor, "/me")
    assert refused.value.reasons == ("a", "b")
    with pytest.raises(UnauthenticatedError, match="This token has expired"):
        connection(problem(401, "unauthenticated", "This token has expired")).get(Actor, "/me")


def test_an_error_that_only_a_newer_server_knows_keeps_its_code_and_its_family() -> None:
    with pytest.raises(RegistryError) as error:
        connection(problem(422, "brand-new")).get(Actor, "/me")
    assert (error.value.code, error.value.family) == ("brand-new", InvalidError.family)


@pytest.mark.parametrize("url", ["http://localhost:1", "http://127.0.0.1", "http://[::1]:8765/", URL + "/"])
def test_a_token_goes_encrypted_or_to_this_machine(url: str) -> None:
    assert check_address(url, secret=True) == url.rstrip("/")


@pytest.mark.parametrize("url", ["http://registry.example", "http://10.0.0.7:8765", "http://localhost.evil.example"])
def test_a_token_does_not_go_to_another_machine_without_encryption_unless_that_is_said(url: str) -> None:
    with pytest.raises(UsageError, match="without encryption"):
        check_address(url, secret=True)
    assert check_address(url, secret=True, allow_http=True) == url
    assert check_address(url, secret=False) == url


@pytest.mark.parametrize(
    "url", ["ftp://x", "registry", "https://", "https://x/?a=b", "https://ana:secret@x", "//x", "https://a b"]
)
def test_what_is_no_address_of_a_server_is_refused(url: str) -> None:
    with pytest.raises(UsageError) as error:
        Connection(url, "fbr_x")
    assert "secret" not in str(error.value).replace("user and no password", "")


def test_a_connection_does_not_print_its_token() -> None:
    assert "fbr_hidden" not in repr(RemoteRegistry(Connection(URL, "fbr_hidden")))


# --- files -----------------------------------------------------------------------------------------------------------


def entry(content: bytes = CONTENT, path: str = "w.bin") -> FileEntry:
    return FileEntry(path, len(content), Digest(hashlib.sha256(content).hexdigest()))


class Coming(httpx2.SyncByteStream):
    """Gives some bytes, and then perhaps the connection is lost."""

    def __init__(self, content: bytes, *, lost: bool = False) -> None:
        self.content, self.lost = content, lost

    def __iter__(self) -> Iterator[bytes]:
        yield self.content
        if self.lost:
            raise httpx2.ReadError("lost")


def file(content: bytes) -> Handler:
    kind = {"Content-Type": "application/octet-stream"}
    return lambda _: httpx2.Response(200, headers=kind, stream=Coming(content))


def test_a_download_goes_on_where_it_broke_off(tmp_path: Path) -> None:
    asked: list[tuple[str | None, str | None]] = []
    come: list[int] = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        wanted = request.headers.get("range")
        asked.append((wanted, request.headers.get("if-range")))
        left = CONTENT[int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0 :]
        headers = {"ETag": '"x"', "Content-Type": "application/octet-stream"}
        coming = Coming(left[:100_000], lost=len(left) > 100_000)
        return httpx2.Response(206 if wanted else 200, headers=headers, stream=coming)

    download(connection(handle), EXACT, entry(), tmp_path / "w.bin", watch=come.append)
    assert (tmp_path / "w.bin").read_bytes() == CONTENT
    assert asked == [(None, None), ("bytes=100000-", '"x"'), ("bytes=200000-", '"x"')]
    assert sum(come) == len(CONTENT)


def test_a_download_that_comes_no_further_ends_and_leaves_no_folder(tmp_path: Path) -> None:
    stuck = failing(httpx2.ReadError("lost"), times=999, then=answering(200))
    plan = PullPlan(EXACT_REF, (PulledFiles(EXACT_REF, "", (entry(),)),))
    with pytest.raises(ServerUnreachableError):
        write_plan(connection(stuck), plan, tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("sent", [CONTENT[:-1] + b"?", CONTENT + b"more", CONTENT[:-5], b""])
def test_other_bytes_than_the_manifest_names_are_refused_and_leave_no_folder(sent: bytes, tmp_path: Path) -> None:
    plan = PullPlan(EXACT_REF, (PulledFiles(EXACT_REF, "", (entry(),)),))
    with pytest.raises(DigestMismatchError, match=r"'w.bin' of models:/a/b/1 does not have its digest"):
        write_plan(connection(file(sent)), plan, tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


def test_a_file_without_an_end_is_cut_off(tmp_path: Path) -> None:
    class Endless(httpx2.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            while True:
                yield bytes(65536)

    def handle(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"Content-Type": "application/octet-stream"}, stream=Endless())

    with pytest.raises(DigestMismatchError):
        download(connection(handle), EXACT, entry(), tmp_path / "w.bin")
    assert (tmp_path / "w.bin").stat().st_size < len(CONTENT) + 2 * 1024**2


def test_a_full_disk_is_said_and_leaves_no_folder(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("the system has no /dev/full")

    def full(path: Path, *_: object, **__: object) -> object:
        return open("/dev/full", "wb", buffering=0)  # noqa: PTH123 - the device stands for the disk

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "open", full)
        with pytest.raises(NoSpaceError):
            download(connection(file(CONTENT)), EXACT, entry(), tmp_path / "w")


def test_an_upload_says_how_much_of_its_files_went(tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(CONTENT)
    (tmp_path / "x.json").write_text("{}")
    went: list[int] = []
    server = connection(lambda request: (request.read(), answering(200, ACTOR)(request))[1])
    upload(server, Actor, "/x", {}, parts_of(tmp_path), watch=went.append)
    assert sum(went) == len(CONTENT) + 2


def test_hidden_files_stay_at_home_and_links_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/x.json").write_text("{}")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/config").write_text("secret")
    (tmp_path / ".env").write_text("secret")
    assert parts_of(tmp_path) == (Part("a/x.json", tmp_path / "a/x.json"),)
    (tmp_path / "id_rsa").symlink_to("/etc/hostname")
    with pytest.raises(InvalidError, match="link"):
        parts_of(tmp_path)


def test_importing_the_client_loads_no_database_and_no_http_library() -> None:
    script = "import registry.client, sys; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    found = set(
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    )
    assert found & {"sqlalchemy", "pydantic", "httpx2", "numpy", "yaml", "fastapi", "typer", "rich", "alembic"} == set()
