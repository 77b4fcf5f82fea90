"""Forebear in Python: the page about it can be run, over a server and over a folder, and shows nothing unescaped."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import forebear
from registry.client.registry import RemoteRegistry
from registry.client.transport.connection import Connection
from registry.domain.catalog.models import Describing, Modality, Status
from registry.domain.names import Name, Reference
from registry.errors import ConflictError, NotFoundError, RefusedError, UnauthenticatedError, UsageError
from tests.house.tree import ROOT
from tests.importing import importing_here
from tests.journeys import worlds
from tests.serving import HOST, ServedRegistry, copy_of, serve_family

PAGE = (ROOT / "docs/python.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> ServedRegistry:
    return serve_family(tmp_path_factory.mktemp("python") / "home")


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In an empty folder, without what whoever runs the tests has signed in to."""
    for name in ("URL", "TOKEN", "HOME", "ACTOR", "DATABASE_URL"):
        monkeypatch.delenv(f"FOREBEAR_{name}", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("FOREBEAR_MLFLOW_URI", "off")
    monkeypatch.chdir(tmp_path)


def opened(served: ServedRegistry, way: str, handle: str = "ana") -> forebear.Registry:
    if way == "folder":
        return forebear.connect(served.family.home, actor=handle)
    http = served.client()
    return forebear.Registry(RemoteRegistry(Connection(HOST, served.family.tokens[handle], http=http)))


@pytest.fixture(params=["server", "folder"])
def registry(request: pytest.FixtureRequest, served: ServedRegistry) -> forebear.Registry:
    return opened(served, request.param)


def test_what_the_page_shows_can_be_run(registry: forebear.Registry, capsys: pytest.CaptureFixture[str]) -> None:
    blocks = [block for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "log_transfer" not in block]
    code = "\n".join(blocks).replace('forebear.connect("https://models.example.com")', "connected")
    assert "connected" in code
    names: dict[str, object] = {"connected": registry}
    exec(compile(code, "docs/python.md", "exec"), names)
    said = capsys.readouterr().out
    assert "vision/digits {'candidate': 2, 'champion': 1}" in said
    assert "models:/vision/digits/1 registered Apache-2.0 0.91" in said
    assert "graph" in said or "flowchart" in said
    assert (Path.cwd() / "digits/weights/model.safetensors").exists()


def test_every_public_name_is_on_the_page_or_is_the_type_of_something_on_it() -> None:
    assert set(forebear.__all__) == {
        "Dataset", "Lineage", "Model", "Promotion", "Recording", "Registry", "Transfer", "Version", "__version__",
        "connect", "log_transfer",
    }  # fmt: skip


def test_what_is_not_there_is_the_same_error_in_both(registry: forebear.Registry) -> None:
    with pytest.raises(NotFoundError):
        registry.model("no/where")
    Path("full").mkdir()
    Path("full/x").touch()
    with pytest.raises(ConflictError):
        registry.version("vision/digits/1").pull("full")


@pytest.mark.parametrize("way", ["server", "folder"])
def test_objects_show_what_people_wrote_without_running_it(served: ServedRegistry, tmp_path: Path, way: str) -> None:
    own = copy_of(served, tmp_path / "home")
    evil = "<script>alert(1)</script>"
    said = Describing("x", Modality.IMAGE, "MIT", "internal", evil, {"a": "<b>"})
    own.family.registry("ana").catalog.describe(Name("vision", "digits"), said)
    registry = opened(own, way)
    model = registry.model("vision/digits")
    things = (model, registry.version("vision/digits"), registry.dataset("vision/digits"), registry.promotions()[0],
              registry.transfers(1)[0], registry.lineage("models:/vision/digits/2"))  # fmt: skip
    pages = [thing._repr_html_() for thing in things]
    assert evil not in "".join(pages)
    assert "&lt;script&gt;" in pages[0]
    assert "a=&lt;b&gt;" in pages[0]
    assert repr(model) == "Model('vision/digits')"


@pytest.mark.parametrize("way", ["server", "folder"])
def test_a_version_that_was_recalled_does_not_load_from_the_cache(
    served: ServedRegistry, tmp_path: Path, way: str
) -> None:
    own = copy_of(served, tmp_path / "home")
    registry = opened(own, way)
    version = registry.version("vision/digits/1")
    assert len(list((tmp_path / "cache").rglob("*.safetensors"))) == 0
    with pytest.raises(Exception, match=r"(?i)header|safetensor|deserial"):
        version.load()  # the weights of this registry are no tensors: the files are in the cache all the same
    assert len(list((tmp_path / "cache").rglob("*.safetensors"))) == 1
    ref = Reference.to(version.detail.summary.ref)
    own.family.registry("ana").catalog.set_status(ref, Status.RECALLED, "wrong labels")
    with pytest.raises(RefusedError, match="recalled"):
        version.load()


def test_a_dataset_of_pictures_is_no_table(registry: forebear.Registry) -> None:
    dataset = registry.dataset("vision/digits")
    if dataset.detail.summary.format.value == "image-folder":
        with pytest.raises(UsageError, match="is no table"):
            dataset.to_pandas()


def test_without_a_token_a_server_says_how_to_sign_in() -> None:
    with pytest.raises(UnauthenticatedError, match=r"forebear login https://models\.example"):
        forebear.connect("https://models.example")


@pytest.mark.slow
@pytest.mark.parametrize("way", ["server", "folder"])
def test_a_table_comes_back_as_a_data_frame(served: ServedRegistry, tmp_path: Path, way: str) -> None:
    registry = opened(copy_of(served, tmp_path / "home"), way, "dev")
    table = tmp_path / "t.csv"
    table.write_text("text,label\ngood,a\nbad,b\nworse,b\nbetter,a\n", encoding="utf-8")
    dataset = registry.add_dataset("text/new", table, licence="MIT", task="text-classification")
    assert dataset.to_pandas().to_dict("list") == {
        "text": ["good", "bad", "worse", "better"],
        "label": ["a", "b", "b", "a"],
    }


@pytest.mark.slow
@pytest.mark.parametrize("way", ["server", "folder"])
def test_a_model_of_transformers_is_loaded_by_transformers(served: ServedRegistry, tmp_path: Path, way: str) -> None:
    registry = opened(copy_of(served, tmp_path / "home"), way, "dev")
    source = worlds.write_source(tmp_path / "source")
    with importing_here():
        version = registry.import_model("library/tiny", source, licence="MIT", parents=["library/lite0/1"])
    assert type(version.load()).__module__.startswith("transformers.models.")
    assert [parent.ref for parent in version.parents()] == ["models:/library/lite0/1"]


def test_importing_forebear_loads_no_database_and_no_learning_library() -> None:
    script = "import forebear, sys; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    found = set(
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    )
    assert found & {"sqlalchemy", "pydantic", "httpx2", "torch", "pandas", "transformers", "yaml", "typer"} == set()


def test_what_a_recall_would_touch_is_counted_and_listed(registry: forebear.Registry) -> None:
    base = registry.model("library/lite0").version(1)
    affected = list(base.affected(ways=True))
    assert base.impact().versions == len(affected) > 2
    assert affected[0].way == ("library/lite0/1",)
