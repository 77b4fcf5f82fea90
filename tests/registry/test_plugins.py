"""Plug-ins: found by entry point, and whatever goes wrong in them is said as an error of ours."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint, EntryPoints, entry_points
from importlib.util import find_spec
from pathlib import Path

import pytest

from registry import plugins
from registry.errors import AdapterError, MissingExtraError, NotFoundError, UsageError
from registry.plugins import EntryPointPlugins, load

FOREIGN = {
    "sound": "class Thing:\n    name = 'sound'\n",
    "crashes": "1 / 0\n",
    "picky": "class Thing:\n    def __init__(self) -> None:\n        raise OSError('no device')\n",
    "polite": (
        "from registry.errors import UsageError\n"
        "class Thing:\n    def __init__(self) -> None:\n        raise UsageError('not so')\n"
    ),
    "needy": "import timm_of_the_future\n",
    "broken": "raise ImportError('cannot import name x', name='mlflow.tracking')\n",
}


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Modules of others, each with an entry point in one group."""
    points = [EntryPoint("nameless", "foreign_sound:Nothing", "forebear.trackers")]
    for name, code in FOREIGN.items():
        (tmp_path / f"foreign_{name}.py").write_text(code)
        points.append(EntryPoint(name, f"foreign_{name}:Thing", "forebear.trackers"))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(plugins, "entry_points", lambda **chosen: EntryPoints(points).select(**chosen))


@pytest.mark.usefixtures("installed")
def test_a_plugin_is_made_from_its_entry_point() -> None:
    assert EntryPointPlugins(memory=0, seconds=1).tracker("sound").name == "sound"


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("crashes", AdapterError, "fails on import: ZeroDivisionError"),
        ("nameless", AdapterError, "fails on import: AttributeError"),
        ("picky", AdapterError, r"does not start: OSError\('no device'\)"),
        ("polite", UsageError, "not so"),
        ("needy", AdapterError, "does not import: No module named 'timm_of_the_future'"),
        ("broken", AdapterError, "does not import: cannot import name x"),
        ("none", NotFoundError, "No plug-in 'none' is installed for forebear.trackers. There are: broken, crashes"),
    ],
)
def test_what_goes_wrong_in_a_plugin_is_one_clear_sentence(name: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        load("forebear.trackers", name)


def test_a_plugin_whose_library_is_absent_is_refused_with_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    distribution = tmp_path / "far-1.dist-info"
    distribution.mkdir()
    (distribution / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: far\nVersion: 1\nProvides-Extra: far\nRequires-Dist: afar; extra == 'far'\n"
    )
    (distribution / "entry_points.txt").write_text("[forebear.trackers]\nfar = far_tracker:Tracker\n")
    (tmp_path / "far_tracker.py").write_text("import afar.client\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(MissingExtraError, match="far needs afar, which is not installed") as caught:
        load("forebear.trackers", "far")
    assert caught.value.remedy == 'Run: pip install "far[far]"'


def test_every_adapter_of_ours_is_found_without_its_library() -> None:
    """Offers are read by servers, which may have no machine-learning library at all."""
    code = (
        "import sys\n"
        "from registry.plugins import EntryPointPlugins\n"
        "print(sorted(EntryPointPlugins(memory=0, seconds=1).offers()))\n"
        "assert not {'torch', 'transformers', 'keras', 'gensim', 'dvc', 'mlflow'} & sys.modules.keys()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "['gensim', 'keras', 'torch', 'transformers']\n"


def test_a_definition_is_read_and_never_run() -> None:
    found = EntryPointPlugins(memory=0, seconds=1).definition("squeezenet1_1")
    assert found is not None
    name, source = found
    assert name == "squeezenet.py"
    compile(source, name, "exec")
    assert EntryPointPlugins(memory=0, seconds=1).definition("transformers:BertModel") is None


def test_every_entry_point_of_ours_names_something_that_is_there() -> None:
    for group in ("importers", "transfers", "engines", "datasets", "trackers"):
        for point in entry_points(group=f"forebear.{group}"):
            if point.name == "ray" and find_spec("ray") is None:
                continue  # the one library that is installed for its own tests only
            assert hasattr(load(f"forebear.{group}", point.name), "name") or group == "transfers", point
