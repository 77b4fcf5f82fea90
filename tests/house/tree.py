"""The files of the repository that the house rules speak of: what git knows or would take."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("lineage", "registry", "adapters", "forebear")


@cache
def files() -> tuple[Path, ...]:
    """Tracked files and new ones that git does not ignore; outside a checkout, all that lie here."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    found = (ROOT / name for name in sorted(set(listed.stdout.split("\0"))) if name)
    return tuple(path for path in found if path.is_file() and not path.is_symlink())


def modules(*folders: str) -> list[Path]:
    """Python files under the given top-level folders."""
    return [path for path in files() if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in folders]


def pages() -> list[Path]:
    """Markdown pages."""
    return [path for path in files() if path.suffix == ".md"]


def documentation() -> str:
    """Everything under docs/, as one text."""
    return "\n".join(path.read_text(encoding="utf-8") for path in pages() if path.is_relative_to(ROOT / "docs"))
