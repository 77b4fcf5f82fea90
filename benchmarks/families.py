"""What works for each family of models in the installed transformers, tried on tiny models with random weights.

Each family is imported and transferred in every way; what comes out is loaded with stock libraries, which must give the
recorded predictions. The table counts the families for which a way works, and lists the others with the reason:
`refused` is an error with a remedy before any training; `failed` is anything else.

With `--keep FILE` what was found of a family is written there at once, and the family is not tried again.

    python -m benchmarks.families texts|images|state_dicts [FAMILY ...] [--keep FILE]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from transformers.utils import logging

from benchmarks.material.tiny_configs import NotTriedError
from registry.errors import AdapterError, RegistryError

IMPORT = "import"


@dataclass(frozen=True)
class Tried:
    """What became of one family in one way; `reason` is empty where it works."""

    family: str
    way: str
    reason: str = ""
    refused: bool = False


@dataclass(frozen=True)
class Kind:
    """How the families of one kind of data are tried: `imported` gives what each way takes."""

    families: Callable[[], Sequence[str]]
    imported: Callable[[Path, str], Any]
    ways: Mapping[str, Callable[[Any], None]]
    ways_of: Callable[[str], Sequence[str]]


def try_family(kind: Kind, family: str) -> list[Tried]:
    """Import `family` and try it in every way that it can be expected to have."""
    with tempfile.TemporaryDirectory(prefix="forebear-family-") as folder:
        found, material = _tried(family, IMPORT, lambda: kind.imported(Path(folder), family))
        results = [found]
        if material is not None:
            results += [_tried(family, way, partial(kind.ways[way], material))[0] for way in kind.ways_of(family)]
    return results


def _tried(family: str, way: str, run: Callable[[], Any]) -> tuple[Tried, Any]:
    try:
        return Tried(family, way), run()
    except AdapterError as error:
        return Tried(family, way, f"failed: {_short(error)}"), None
    except RegistryError as error:
        return Tried(family, way, f"refused: {_short(error)}", refused=True), None
    except ImportError as error:
        return Tried(family, way, f"refused: {_short(error)}", refused=True), None
    except NotTriedError as error:
        return Tried(family, way, f"not tried: {_short(error)}", refused=True), None
    except Exception as error:  # noqa: BLE001 -- a family that fails is a result
        return Tried(family, way, f"failed: {type(error).__name__}: {_short(error)}"), None


def kept(file: Path | None) -> dict[str, list[Tried]]:
    """What `file` has of each family; nothing without one."""
    lines = file.read_text(encoding="utf-8").splitlines() if file is not None and file.is_file() else []
    found: dict[str, list[Tried]] = {}
    for one in (Tried(**json.loads(line)) for line in lines):
        found.setdefault(one.family, []).append(one)
    return found


def keep(file: Path, found: Sequence[Tried]) -> None:
    """Add what was found of one family to `file`."""
    with file.open("a", encoding="utf-8") as stream:
        stream.write("".join(json.dumps(asdict(one)) + "\n" for one in found))


def _short(error: Exception) -> str:
    message = getattr(error, "message", str(error))
    return " ".join(str(message).split())[:160].replace("|", "/")


def table(results: Iterable[Tried]) -> str:
    """Two tables in Markdown: how many families each way works for, and the others with the reason."""
    found = list(results)
    ways = list(dict.fromkeys(one.way for one in found))
    lines = ["| way | works for | of |", "|---|---|---|"]
    for way in ways:
        tried = [one for one in found if one.way == way]
        lines.append(f"| {way} | {sum(not one.reason for one in tried)} | {len(tried)} |")
    grouped: dict[tuple[str, str], list[str]] = {}
    for one in found:
        if one.reason:
            grouped.setdefault((one.family, one.reason), []).append(one.way)
    names = [name for name in dict.fromkeys(one.family for one in found) if name not in {name for name, _ in grouped}]
    lines += ["", f"Work in every way: {', '.join(names)}."]
    if grouped:
        lines += ["", "| family | not | because |", "|---|---|---|"]
        lines += [f"| {family} | {', '.join(names)} | {reason} |" for (family, reason), names in grouped.items()]
    return "\n".join(lines)


def kind_of(name: str) -> Kind:
    """The kind called `name`."""
    from benchmarks import image_families, state_dict_families, text_families
    from benchmarks.material import tiny_texts

    return {
        "texts": Kind(tiny_texts.families, text_families.Material.imported, text_families.WAYS, text_families.ways_of),
        "images": Kind(
            image_families.families, image_families.Material.imported, image_families.WAYS, image_families.ways_of
        ),
        "state_dicts": Kind(
            state_dict_families.families,
            state_dict_families.Material.imported,
            state_dict_families.WAYS,
            state_dict_families.ways_of,
        ),
    }[name]


def main() -> None:
    """Try the families named, or all of the kind, and print the tables."""
    words = argparse.ArgumentParser(prog="python -m benchmarks.families", description=__doc__)
    words.add_argument("kind", choices=["texts", "images", "state_dicts"])
    words.add_argument("family", nargs="*")
    words.add_argument("--keep", type=Path, metavar="FILE")
    given = words.parse_args()
    warnings.simplefilter("ignore")
    logging.set_verbosity_error()
    torch.set_num_threads(1)
    kind, start, results, known = kind_of(given.kind), time.monotonic(), list[Tried](), kept(given.keep)
    for family in given.family or kind.families():
        if family in known:
            results += known[family]
            continue
        results += (found := try_family(kind, family))
        if given.keep is not None:
            keep(given.keep, found)
        bad = [f"{one.way}: {one.reason}" for one in found if one.reason]
        print(family, "works" if not bad else "; ".join(bad), file=sys.stderr, flush=True)
    print(table(results))
    print(f"\n{len({one.family for one in results})} families in {time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    main()
