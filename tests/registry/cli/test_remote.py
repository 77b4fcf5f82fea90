"""Commands over a server: signing in, the same output as on the own disk, and what works only beside the folder."""

from __future__ import annotations

import inspect
import io
import json
import os
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from registry.cli.app import GROUPS
from registry.cli.reference import commands
from registry.domain.names import Reference
from tests.command_line import CommandLine
from tests.serving import ServedRegistry, copy_of, listening, serve_family

STEP, REQUEST = "<step>", "<request>"
SAME = {
    "history": "history vision/digits",
    "inbox": "inbox",
    "model diff": "model diff library/lite0/1 models:/vision/digits/2",
    "model list": "model list",
    "model search": "model search digits --where 'metrics.accuracy > 0.9' --sort metrics.accuracy",
    "model show": "model show vision/digits",
    "model versions": "model versions vision/digits --limit 1",
    "dataset list": "dataset list",
    "dataset show": "dataset show vision/digits",
    "dataset versions": "dataset versions vision/digits",
    "recipe schema": "recipe schema",
    "transfer list": "transfer list",
    "transfer show": f"transfer show {STEP}",
    "transfer logs": f"transfer logs {STEP}",
    "transfer forgetting": f"transfer forgetting {STEP}",
    "transfer verdict": f"transfer verdict {STEP}",
    "lineage show": "lineage show models:/vision/digits/2",
    "lineage export": "lineage export models:/vision/digits/2 --format prov",
    "mark list": "mark list models:/vision/digits/2",
    "lineage compute": "lineage compute models:/vision/digits/2",
    "lineage obligations": "lineage obligations models:/vision/digits/2",
    "lineage notice": "lineage notice models:/vision/digits/2",
    "lineage leakage": "lineage leakage models:/vision/digits/2",
    "lineage common": "lineage common models:/library/lite0/1 models:/vision/digits/2",
    "lineage relatives": "lineage relatives models:/vision/digits/2 siblings",
    "lineage impact": "lineage impact models:/library/lite0/1",
    "lineage path": "lineage path models:/library/lite0/1 models:/vision/digits/2",
    "evidence types": "evidence types models:/vision/digits/2",
    "evidence list": "evidence list models:/vision/digits/2",
    "finding list": "finding list",
    "promote list": "promote list",
    "promote show": f"promote show {REQUEST}",
    "policy history": "policy history default",
    "policy reach": "policy reach default",
    "policy show": "policy show default",
    "policy proposals": "policy proposals",
    "person list": "person list",
    "role offers": "role offers",
    "token list": "token list ben",
    "webhook list": "webhook list",
    "mail list": "mail list ana",
    "webhook deliveries": "webhook deliveries",
    "draft list": "draft list",
    "store status": "store status",
    "store stats": "store stats",
    "audit show": "audit show --limit 3",
    "audit verify": "audit verify",
    "audit export": "audit export",
}
"""Command lines of commands that only read: what they print on the own disk and over a server is the same."""
QUICK = ("model versions", "transfer show", "lineage show", "promote show", "audit export")
"""Those of them that are tried each time."""
OTHERS = [one for one in SAME if one not in QUICK]
HERE_ONLY = {
    "init": "init",
    "serve": "serve --port 0",
    "backup create": "backup create backup",
    "backup restore": "backup restore backup",
    "store repair": "store repair --from .",
}
"""Commands that say over a server why they do not work there."""
NO_REGISTRY = {"login", "logout", "whoami", "remote list", "remote use", "backup verify"}
"""Commands that are about servers themselves, or need no registry."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> ServedRegistry:
    return serve_family(tmp_path_factory.mktemp("remote") / "home")


@pytest.fixture(scope="module")
def url(served: ServedRegistry) -> Iterator[str]:
    """The address of a server over the filled registry, in a thread of this process."""
    with listening(served.app) as address:
        yield address


@pytest.fixture
def signed_in(typed: CommandLine, url: str, served: ServedRegistry, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    monkeypatch.setattr(sys, "stdin", io.StringIO(served.family.tokens["ana"] + "\n"))
    said = typed("login", url, "--token-stdin")
    assert said.code == 0, said.err
    return typed


def words_of(text: str, served: ServedRegistry) -> list[str]:
    made = served.family.registry("ana").catalog.version(Reference.to(served.family.grandchild))
    known = {STEP: made.step, REQUEST: served.family.request.summary.id}
    parts = re.findall(r"'([^']*)'|(\S+)", text)
    return [known.get(quoted or word, quoted or word) for quoted, word in parts]


def test_an_impact_is_counted_listed_and_streamed_in_the_same_words_here_and_over_a_server(
    typed: CommandLine, served: ServedRegistry, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOREBEAR_TOKEN", served.family.tokens["ana"])
    asked = ("lineage", "impact", "library/lite0")
    for words in (asked, (*asked, "--versions", "--ways", "--limit", "2"), (*asked, "--all")):
        here = typed("--home", served.family.home, *words, actor="ana")
        there = typed("--server", url, *words)
        assert (here.code, here.out) == (there.code, there.out) == (0, here.out)
        assert "library/lite0" in here.out
    every = typed("--server", url, *asked, "--all", "--ways", "-o", "json").out.splitlines()
    listed = json.loads(typed("--server", url, *asked, "--versions", "--ways", "-o", "json").out)
    assert [json.loads(line) for line in every] == listed["items"]
    assert "→" in typed("--server", url, *asked, "--all", "--ways").out
    assert "--cursor" in typed("--server", url, *asked, "--versions", "--limit", "1").err
    for wrong in (("--all", "--versions"), ("--ways",)):
        assert typed("--server", url, *asked, *wrong).code == 2
    assert typed("--server", url, "lineage", "impact", "models:/no/where/1").code == 3


def test_every_command_works_over_a_server_or_says_why_it_does_not() -> None:
    """Whatever is in none of the lists changes something by a verb alone, and the verbs are tried over both."""
    every = {path.removeprefix("forebear ") for path, _ in commands()}
    assert (set(SAME) | set(HERE_ONLY) | NO_REGISTRY) - every == set()
    sources = {
        module: inspect.getsource(import_module(f"registry.cli.commands.{module}")) for _, _, module, _ in GROUPS
    }
    opening = {
        name for name, text in sources.items() if re.search(r"bootstrap\.(open|init|restore)|session\.home", text)
    }
    assert opening <= {"registry", "backup", "remote", "store"}


@pytest.mark.parametrize(
    "name", [*QUICK, *(pytest.param(one, marks=pytest.mark.slow) for one in SAME if one not in QUICK)]
)
def test_a_command_prints_the_same_over_a_server(
    name: str, typed: CommandLine, served: ServedRegistry, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = words_of(SAME[name], served)
    monkeypatch.setenv("FOREBEAR_TOKEN", served.family.tokens["ana"])
    here = typed("--home", served.family.home, *words, actor="ana")
    there = typed("--server", url, *words)
    assert (there.code, there.out) == (here.code, here.out)
    assert there.err == here.err or name in {"model versions", "audit show"}  # the next page is asked of the server
    assert here.out or here.err or name == "transfer logs"


@pytest.mark.parametrize("name", HERE_ONLY)
def test_a_command_that_needs_the_registry_folder_says_so(name: str, signed_in: CommandLine, url: str) -> None:
    before = sorted(Path.cwd().iterdir())
    said = signed_in.refused("--server", url, *HERE_ONLY[name].split())
    assert said["code"] == "not-remote"
    assert "registry folder" in said["detail"] + said["remedy"]
    assert sorted(Path.cwd().iterdir()) == before


def test_after_signing_in_commands_use_the_server_until_one_signs_out(signed_in: CommandLine, url: str) -> None:
    assert signed_in("whoami").out.startswith("ana, with the roles admin, developer, on the server http://127.0.0.1")
    assert signed_in.ask("remote", "list")[0]["url"] == url
    assert signed_in("remote", "use", "local").code == 0
    assert signed_in.refused("model", "list")["code"] == "no-home"
    assert signed_in("remote", "use", url).code == 0
    assert signed_in("model", "pull", "vision/digits@champion", "digits").code == 0
    assert (Path.cwd() / "digits/weights/model.safetensors").exists()
    assert signed_in("logout").out == f"Signed out of {url}.\n"
    assert signed_in.refused("--server", url, "model", "list")["code"] == "unauthenticated"
    assert signed_in.refused("logout")["code"] == "bad-request"


def test_a_token_is_in_a_file_that_only_its_owner_can_read(signed_in: CommandLine, served: ServedRegistry) -> None:
    folder = Path(os.environ["XDG_CONFIG_HOME"]) / "forebear"
    assert served.family.tokens["ana"] in (folder / "tokens.json").read_text()
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert served.family.tokens["ana"] not in (folder / "servers.json").read_text()
    (folder / "tokens.json").chmod(0o644)
    assert signed_in.refused("whoami")["code"] == "integrity"


def test_a_token_is_in_the_keyring_of_the_system_where_there_is_one(
    typed: CommandLine, url: str, served: ServedRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: dict[tuple[str, str], str] = {}
    ring = ModuleType("keyring")
    vars(ring).update(
        get_keyring=lambda: SimpleNamespace(priority=5),
        get_password=lambda service, name: kept.get((service, name)),
        set_password=lambda service, name, token: kept.__setitem__((service, name), token),
        delete_password=lambda service, name: kept.pop((service, name)),
        errors=SimpleNamespace(KeyringError=RuntimeError),
    )
    monkeypatch.setitem(sys.modules, "keyring", ring)
    monkeypatch.setattr(sys, "stdin", io.StringIO(served.family.tokens["vic"]))
    assert "keyring of your system" in typed("login", url, "--token-stdin").err
    assert kept == {("forebear", url): served.family.tokens["vic"]}
    assert not (Path(os.environ["XDG_CONFIG_HOME"]) / "forebear/tokens.json").exists()
    assert typed.ask("whoami")["handle"] == "vic"
    assert typed("logout").code == 0
    assert kept == {}


def test_the_environment_alone_is_enough(
    typed: CommandLine, url: str, served: ServedRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOREBEAR_URL", url)
    monkeypatch.setenv("FOREBEAR_TOKEN", served.family.tokens["vic"])
    assert typed.ask("whoami")["handle"] == "vic"
    monkeypatch.setenv("FOREBEAR_HOME", str(served.family.home))
    assert "FOREBEAR_HOME and FOREBEAR_URL name two registries" in typed("whoami").err


def test_damaged_files_are_restored_from_the_server_of_another_registry(
    signed_in: CommandLine, url: str, served: ServedRegistry, tmp_path: Path
) -> None:
    own = copy_of(served, tmp_path / "own")
    weights = own.family.registry("ana").catalog.version(Reference.to(own.family.child)).files[-1]
    blob = next(path for path in (tmp_path / "own/blobs").rglob(weights.sha256.hex))
    content = blob.read_bytes()
    blob.chmod(0o600)
    blob.write_bytes(b"?" + content[1:])
    here = ("--home", tmp_path / "own")
    assert signed_in(*here, "store", "verify", actor="ana").code == 7
    assert signed_in.refused(*here, "model", "pull", "vision/digits/1", "x", actor="ana")["code"] == "damaged"
    said = signed_in(*here, "store", "repair", "--from", url, actor="ana")
    assert said.code == 0, said.err
    assert "Restored models:/vision/digits/1" in said.out
    assert blob.read_bytes() == content
    assert list((tmp_path / "own/work").iterdir()) == []
    entry = signed_in.ask(*here, "audit", "show", "--limit", 1, actor="ana")["items"][0]
    assert url in str(entry)


def test_a_wrong_token_signs_nobody_in(typed: CommandLine, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("fbr_wrong"))
    said = typed.refused("login", url, "--token-stdin")
    assert (said["code"], url in said["remedy"]) == ("unauthenticated", True)
    assert typed.ask("remote", "list") == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("login", "http://models.example"), "without encryption"),
        (("login", "models.example"), "is not the address of a server"),
        (("--home", "x", "--server", "https://x", "whoami"), "name two registries"),
        (("--server", "https://x", "--as", "ben", "whoami"), "The token for https://x says who acts"),
        (("--server", "https://x", "whoami"), "You are not signed in to https://x"),
        (("--home", "https://x", "whoami"), "is a URL, not a registry folder"),
        (("login", "https://x"), "There is no terminal to ask for the token"),
        (("remote", "use", "nowhere"), "You are not signed in to 'nowhere'"),
        (("logout", "nowhere"), "You are not signed in to 'nowhere'"),
    ],
)
def test_what_is_wrong_about_a_server_is_said_in_one_sentence(
    typed: CommandLine, words: tuple[str, ...], sentence: str
) -> None:
    said = typed(*words)
    assert sentence in said.err
    assert said.code != 0
    assert "Traceback" not in said.err


def test_a_server_that_is_not_there_is_said_in_one_sentence(
    typed: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry.client.transport.connection.FIRST_WAIT", 0)
    monkeypatch.setenv("FOREBEAR_TOKEN", "fbr_x")
    said = typed.refused("--server", "http://127.0.0.1:9", "model", "list")
    assert said["code"] == "server-unreachable"
    assert "http://127.0.0.1:9 cannot be reached" in said["detail"]


def test_a_list_of_servers_that_is_damaged_is_named(signed_in: CommandLine) -> None:
    (Path(os.environ["XDG_CONFIG_HOME"]) / "forebear/servers.json").write_text("[{}]")
    assert signed_in.refused("whoami")["code"] == "integrity"
