"""Where a source is: a path of this machine, or a file that an installed package carries.

`package:NAME/inner/path` names a file or folder inside the import package NAME, or among the files that the
distribution NAME recorded when it was installed. Nothing of the package is imported or run. A source is
resolved on the machine of the person who names it; over HTTP its files are then uploaded.
"""

from __future__ import annotations

from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

from registry.domain.manifests import check_path
from registry.errors import BadArtifactError, InvalidError, NotFoundError, UnsafeArtifactError

PACKAGE = "package:"
PICKLED = frozenset({".pt", ".pth", ".bin", ".pkl", ".pickle", ".ckpt"})
"""Ends of the names of files that are usually pickles."""
WEIGHTS = (".safetensors", "quantization.json")
"""The ends of the names of the files that hold the weights of a model, where they can be compared."""


def resolve_source(text: str) -> Path:
    """The absolute path of what `text` names: a path, or `package:NAME/inner/path`.

    Raises: NotFoundError when there is no such file, folder or package; InvalidError for an inner path that climbs.
    A link that leads out of the package is not found.
    """
    if not text.startswith(PACKAGE):
        path = Path(text).expanduser().absolute()
        if not text or not path.exists():
            raise NotFoundError(f"There is no file or folder {text!r}", remedy="Check the path")
        return path
    name, _, inner = text.removeprefix(PACKAGE).partition("/")
    if not name or not inner:
        raise InvalidError(f"{text!r} is not a path in a package", remedy="Write package:NAME/inner/path")
    check_path(inner)
    roots = _roots(name)
    if not roots:
        raise NotFoundError(f"No package {name!r} is installed", remedy=f"Run: pip install {name}")
    for root in roots:
        # A path may start inside the package's folder, or with the folder's name in front as in its wheel.
        for found in ((root / inner).resolve(), (root.parent / inner).resolve()):
            if found.exists() and found.is_relative_to(root):
                return found
    raise NotFoundError(
        f"The package {name!r} has no {inner!r}", remedy=f"Paths start from {' or '.join(map(str, roots))}"
    )


def resolve_weights(text: str) -> Path:
    """As `resolve_source`, for weights that are compared. Raises: UnsafeArtifactError for a pickle, too."""
    path = resolve_source(text)
    if path.is_file() and path.suffix.lower() in PICKLED:
        raise UnsafeArtifactError(
            f"{path.name!r} can be a pickle, which is not opened here", remedy="Convert it to safetensors first"
        )
    return path


def no_weights(path: Path) -> BadArtifactError:
    """What to raise where `path` holds no weights that can be compared."""
    inside = "no safetensors file with tensors" if path.is_dir() else "no tensors"
    return BadArtifactError(f"{path.name!r} holds {inside}", remedy="Give a safetensors file, or a folder of them")


def _roots(name: str) -> list[Path]:
    """Folders that belong to `name`: the import package of that name, and what the distribution installed."""
    roots = _package_folders(name.replace("-", "_")) if name.replace("-", "_").isidentifier() else []
    try:
        found = distribution(name)
    except (PackageNotFoundError, ValueError):
        return roots
    return [*roots, *(folder for folder in _recorded_folders(found) if folder not in roots)]


def _package_folders(name: str) -> list[Path]:
    try:
        spec = find_spec(name)
    except (ImportError, ValueError):
        return []
    return [Path(place).resolve() for place in (spec.submodule_search_locations or ())] if spec else []


def _recorded_folders(found: Distribution) -> list[Path]:
    """Top-level folders of the distribution, from its record; never the whole of site-packages."""
    tops = {file.parts[0] for file in found.files or () if len(file.parts) > 1 and file.parts[0] not in {"..", "/"}}
    folders = (Path(str(found.locate_file(top))).resolve() for top in sorted(tops - {"__pycache__"}))
    return [f for f in folders if f.is_dir() and f.suffix not in {".dist-info", ".egg-info"}]
