"""Credentials of 36 kinds through every door: none is in the database, a log, the audit export or a pulled folder."""

from __future__ import annotations

import io
import json
import logging
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from registry.domain.names import Name
from registry.errors import CredentialError
from registry.logs import keep_out_of_logs
from registry.services.governance.policies.stored import default_policy_text
from tests.command_line import CommandLine
from tests.credentials import SEEDED
from tests.registry.api.needs import DESCRIBING, RECIPE
from tests.registry.api.test_uploads import BOUNDARY, multipart
from tests.serving import ServedRegistry, copy_of, form_token, serve_family

MODEL = "/api/v1/models/vision/digits"
VERSION = MODEL + "/versions/1"
KIND = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
DATA = b"text,label\na,x\nb,y\n" * 9
ASKED = {"reference": "models:/vision/digits/1", "to_stage": "candidate"}
Door = Callable[[Any, str], Any]


def _upload(where: str, files: list[tuple[str, bytes]], details: Mapping[str, object]) -> Door:
    return lambda client, _: client.post(where, content=multipart(files, details), headers=KIND)


def _json(method: str, where: str, body: Callable[[str], object]) -> Door:
    return lambda client, text: client.request(method, where, json=body(text))


def _yaml(where: str, text_of: Callable[[str], str]) -> Door:
    return lambda client, text: client.post(where, content=text_of(text))


def _quoted(text: str) -> str:
    return json.dumps(text)


DOORS: Mapping[str, Door] = {
    "description": _json("PUT", MODEL, lambda text: DESCRIBING | {"description": text}),
    "origin": _json("PUT", MODEL, lambda text: DESCRIBING | {"origin": text}),
    "tag of a model": _json("PATCH", MODEL + "/tags", lambda text: {"tags": {"note": text}}),
    "tag of a version": _json("PATCH", VERSION + "/tags", lambda text: {"tags": {"note": text}}),
    "name of a tag": _json("PATCH", VERSION + "/tags", lambda text: {"tags": {text: "x"}}),
    "card": _json("POST", VERSION + "/cards", lambda text: {"text": f"# Card\n\n{text}\n"}),
    "front matter": _json("POST", VERSION + "/cards", lambda text: {"text": f"---\nx: {_quoted(text)}\n---\n"}),
    "evidence": _json("POST", VERSION + "/evidence", lambda text: {"type": "other", "body": {"note": [text]}}),
    "reason": _json("POST", VERSION + "/deprecate", lambda text: {"reason": text}),
    "comment": _json("POST", "/api/v1/promotions", lambda text: ASKED | {"comment": text}),
    "name of a person": _json("POST", "/api/v1/people", lambda text: {"handle": "eve", "name": text}),
    "label of a token": _json("POST", "/api/v1/people/ana/tokens", lambda text: {"label": text}),
    "description in a recipe": _yaml("/api/v1/transfers", lambda text: RECIPE + f"description: {_quoted(text)}\n"),
    "parameter of a recipe": _yaml("/api/v1/transfers", lambda text: RECIPE + f"params: {{note: {_quoted(text)}}}\n"),
    "unknown key of a recipe": _yaml("/api/v1/recipes/check", lambda text: RECIPE + f"{_quoted(text)}: x\n"),
    "comment in a recipe": _yaml(
        "/api/v1/transfers", lambda text: RECIPE + "".join(f"# {line}\n" for line in text.splitlines())
    ),
    "policy": _yaml("/api/v1/policies", lambda text: default_policy_text() + f"\nnote: {_quoted(text)}\n"),
    "reason of a deletion": lambda client, text: client.delete(VERSION, params={"force": True, "reason": text}),
    "details of a dataset": lambda client, text: _upload(
        "/api/v1/datasets/data/words/versions", [("a.csv", DATA)], {"licence": "MIT", "description": text}
    )(client, text),
    "label in a dataset": lambda client, text: _upload(
        "/api/v1/datasets/data/words/versions",
        [("a.csv", DATA + f"c,{_csv(text)}\n".encode() * 9)],
        {"licence": "MIT"},
    )(client, text),
    "card of an import": lambda client, text: _upload(
        "/api/v1/models/vision/new/versions", [("a.txt", b"x")], {"card": text}
    )(client, text),
}
BY_FORM = {"label in a dataset"}
"""Where there is no name beside it, only what has the form of a credential is one."""


def _csv(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> ServedRegistry:
    return serve_family(tmp_path_factory.mktemp("family") / "home")


def everything(home: Path) -> Iterator[bytes]:
    """What can be read of a home: a dump of every row, and every file but the payload of data in DVC's cache."""
    with sqlite3.connect(home / "registry.db") as database:
        for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for row in database.execute(f"SELECT * FROM {table}"):
                texts = [one if isinstance(one, bytes) else str(one).encode() for one in row]
                yield b"\n".join([f"row of {table}".encode(), *texts])
    for path in home.rglob("*"):
        if path.is_file() and not path.is_relative_to(home / "cache" / "dvc"):
            yield bytes(path) + b": " + path.read_bytes()


def assert_nowhere(served: ServedRegistry, secrets: list[bytes], *more: bytes) -> None:
    exported = served.client("ana").get("/api/v1/audit/export").content
    for part in (*everything(served.family.home), exported, *more):
        assert [secret for secret in secrets if secret in part] == [], part[:200]


def refused(client: Any, door: str, kind: str) -> bytes:
    """Send a credential through a door, and give its first line; the answer refuses it and does not repeat it."""
    text, secret = SEEDED[kind]
    answer, first = DOORS[door](client, text), secret.split("\n")[0]
    assert 400 <= answer.status_code < 500, (door, kind, answer.text)
    assert first not in answer.text, (door, kind)
    assert json.dumps(first)[1:-1] not in answer.text, (door, kind)
    return first.encode()


def fits(door: str, kind: str) -> bool:
    text, secret = SEEDED[kind]
    return door not in BY_FORM or text.startswith(secret)


def test_no_credential_of_any_kind_comes_in_by_the_api(
    served: ServedRegistry, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own, doors = copy_of(served, tmp_path / "home"), list(DOORS)
    caplog.set_level(logging.INFO, logger="forebear.server")
    client = own.client("ana")
    pairs = [(doors[number % len(doors)], kind) for number, kind in enumerate(SEEDED)]
    secrets = [refused(client, door, kind) for door, kind in pairs if fits(door, kind)]
    assert len(secrets) >= 30
    assert_nowhere(own, secrets, caplog.text.encode())


@pytest.mark.slow
@pytest.mark.parametrize("door", DOORS)
def test_no_credential_of_any_kind_comes_in_by_any_door(
    served: ServedRegistry, tmp_path: Path, door: str, caplog: pytest.LogCaptureFixture
) -> None:
    own = copy_of(served, tmp_path / "home")
    caplog.set_level(logging.INFO, logger="forebear.server")
    client = own.client("ana")
    secrets = [refused(client, door, kind) for kind in SEEDED if fits(door, kind)]
    assert len(secrets) >= 15
    assert_nowhere(own, secrets, caplog.text.encode())


def test_no_credential_comes_in_by_a_form_of_a_page(served: ServedRegistry, tmp_path: Path) -> None:
    own = copy_of(served, tmp_path / "home")
    browser = own.browser("ben")
    request = own.family.request.summary.id
    page = browser.get(f"/promotions/{request}").text
    secrets = []
    for text, secret in list(SEEDED.values())[::6]:
        fields = {"csrf": form_token(page), "comment": f"Please {text}"}
        answer = browser.post(f"/promotions/{request}/reject", data=fields)
        assert answer.status_code in {400, 422}, answer.text
        secrets.append(secret.split("\n")[0].encode())
    assert_nowhere(own, secrets)


def test_no_credential_comes_in_by_the_command_line(
    served: ServedRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = copy_of(served, tmp_path / "home")
    monkeypatch.setenv("FOREBEAR_HOME", str(own.family.home))
    forebear = CommandLine(own.family.home)
    text, secret = SEEDED["GitHub"]
    (tmp_path / "recipe.yaml").write_text(RECIPE + f"# {text}\n", encoding="utf-8")
    data = tmp_path / f"train-{text}"
    data.mkdir()
    (data / f"{text}.csv").write_bytes(DATA)
    for words in (
        ("model", "tag", "vision/digits", f"note={text}"),
        ("model", "archive", "vision/digits@champion", "--reason", text),
        ("transfer", "run", tmp_path / "recipe.yaml"),
        ("dataset", "add", "data/words", data, "--licence", "MIT"),
        ("person", "add", "eve", "--name", text),
    ):
        said = forebear(*words, actor="ana")
        assert said.code in {2, 6}, (words, said)
        assert secret not in said.out + said.err.replace(str(data), ""), words
    assert_nowhere(own, [secret.encode()])


def test_a_door_that_forgot_to_look_is_closed_by_the_database(served: ServedRegistry, tmp_path: Path) -> None:
    own = copy_of(served, tmp_path / "home")
    registry = own.family.registry("ana")
    text, secret = SEEDED["Hugging Face"]
    with registry.context.write() as uow, pytest.raises(CredentialError, match="asset_tag") as refused:
        uow.catalog.set_tags(Name("vision", "digits"), {"note": text}, at=registry.context.clock.now())
    assert secret not in str(refused.value)
    assert_nowhere(own, [secret.encode()])


def test_logs_hold_no_credential_of_an_address_or_of_a_traceback() -> None:
    stream, (text, secret) = io.StringIO(), SEEDED["Hugging Face"]
    logger = logging.getLogger("uvicorn.access.test")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    logger.addHandler(handler)
    logger.propagate = False
    keep_out_of_logs(logger.name)
    logger.warning('"GET /api/v1/models?text=%s HTTP/1.1" 200', text)
    try:
        raise ValueError(f"Cannot use {text}")
    except ValueError:
        logger.exception("failed")
    assert secret not in stream.getvalue()
    assert stream.getvalue().count("[removed: a Hugging Face token]") == 2
    assert "Traceback" in stream.getvalue()
