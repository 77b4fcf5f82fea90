"""The optional parts of an installed distribution, read from its metadata: each extra, and what it installs."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint, PackageNotFoundError, metadata, version

from packaging.requirements import Requirement

FOREBEAR = "forebear"


def extras(distribution: str = FOREBEAR) -> Mapping[str, tuple[Requirement, ...]]:
    """By the name of an extra, what it requires beside the distribution itself.

    An extra that only names other extras of the distribution, such as `all`, requires nothing.
    """
    stored = metadata(distribution)
    requirements = [Requirement(line) for line in stored.get_all("Requires-Dist") or ()]
    return {
        extra: tuple(one for one in requirements if _belongs(one, extra) and one.name != distribution)
        for extra in stored.get_all("Provides-Extra") or ()
    }


def _belongs(requirement: Requirement, extra: str) -> bool:
    """True if the extra, and not the distribution alone, needs it on this machine."""
    marker = requirement.marker
    return marker is not None and marker.evaluate({"extra": extra}) and not marker.evaluate({"extra": ""})


def unmet(needed: Iterable[Requirement]) -> list[str]:
    """What is missing or too old of `needed`, such as "peft is not installed"."""
    problems = []
    for one in needed:
        try:
            installed = version(one.name)
        except PackageNotFoundError:
            problems.append(f"{one.name} is not installed")
            continue
        if not one.specifier.contains(installed, prereleases=True):
            problems.append(f"{one.name} {installed} is installed, but {one.specifier} is needed")
    return problems


def loaded(distribution: str = FOREBEAR) -> dict[str, str]:
    """Versions of what the extras require, where this process has imported a module of the same name."""
    names = {one.name for needed in extras(distribution).values() for one in needed}
    return {name: version(name) for name in sorted(names) if name.replace("-", "_") in sys.modules}


def extras_of(point: EntryPoint) -> tuple[str, ...]:
    """The extras that a plug-in needs: those with its name, or the name of a package or module that it is in.

    `onnx = adapters.torch.conversion.importers:OnnxImporter` needs `onnx` and `torch`.
    """
    if point.dist is None:
        return ()
    names = {point.name, *point.module.split(".")}
    return tuple(extra for extra in extras(point.dist.name) if extra in names)


def install_command(wanted: Iterable[str], distribution: str = FOREBEAR) -> str:
    """The command that installs the extras `wanted`."""
    return f'pip install "{distribution}[{",".join(wanted)}]"'
