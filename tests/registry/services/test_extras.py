"""Extras are read from the metadata of the installed distribution, so that there is one list of them."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points, version

import pytest
from packaging.requirements import Requirement

from registry.services.extras import extras, extras_of, install_command, loaded, unmet

GROUPS = ("importers", "transfers", "datasets", "trackers", "engines")


def points() -> list[EntryPoint]:
    """The plug-ins that come with Forebear, but for those that need no library."""
    bare = {"adapters.engines.local:Local", "adapters.engines.remote:RemoteWorkers"}
    found = [point for group in GROUPS for point in entry_points(group=f"forebear.{group}")]
    return [point for point in found if point.value not in bare]


def test_the_extra_all_installs_every_other_extra() -> None:
    from importlib.metadata import requires

    (everything,) = [line for line in requires("forebear") or () if 'extra == "all"' in line]
    assert Requirement(everything).extras == extras().keys() - {"all"}


def test_an_extra_that_only_names_others_requires_nothing_itself() -> None:
    assert extras()["all"] == ()
    assert [one.name for one in extras()["peft"]] == ["peft"]


@pytest.mark.parametrize("point", points(), ids=lambda point: point.name)
def test_every_plugin_with_a_library_has_an_extra(point: EntryPoint) -> None:
    assert extras_of(point)


def test_a_plugin_needs_the_extras_of_its_own_name_and_of_its_package() -> None:
    by_name = {point.name: set(extras_of(point)) for point in points()}
    assert by_name["onnx"] == {"torch", "onnx"}
    assert by_name["huggingface"] == {"transformers"}
    assert by_name["ray"] == {"ray"}
    assert extras_of(EntryPoint("torch", "elsewhere.torch:Thing", "forebear.importers")) == ()


def test_what_is_missing_or_too_old_is_named() -> None:
    needed = [Requirement("no-such-package>=1"), Requirement("numpy>=999"), Requirement("numpy>=1")]
    assert unmet(needed) == [
        "no-such-package is not installed",
        f"numpy {version('numpy')} is installed, but >=999 is needed",
    ]


def test_versions_are_those_of_libraries_that_this_process_has_imported() -> None:
    import onnx

    assert loaded()["onnx"] == onnx.__version__
    assert "no-such-package" not in loaded()


def test_the_command_names_the_distribution_and_the_extras() -> None:
    assert install_command(["torch", "onnx"]) == 'pip install "forebear[torch,onnx]"'
