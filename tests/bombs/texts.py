"""Bombs in CSV, in JSON and in folders of texts."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from registry.domain.data.datasets import LabelKind
from registry.ports.data import HowToRead
from tests.bombs import AS_USUAL, Bomb

NOTHING, MANY, TAGS = (HowToRead(labels=kind) for kind in (LabelKind.NONE, LabelKind.MANY, LabelKind.TAGS))
NUMBERS = HowToRead(labels=LabelKind.NUMBER)
CLASSES, CELL, FILES = "FOREBEAR_DATA_CLASSES", "FOREBEAR_DATA_CELL", "FOREBEAR_DATA_FILES"


def written(folder: Path, name: str, content: str | Iterable[str]) -> Path:
    (folder / name).write_text(content if isinstance(content, str) else "".join(content), encoding="utf-8")
    return folder / name


def csv(content: str | Iterable[str], words: str, name: str, how: HowToRead = AS_USUAL) -> Bomb:
    return Bomb(f"csv-{name}", lambda f: written(f, "a.csv", content), words, how)


def table(text: str = "a", label: str = "b", rows: int = 1) -> str:
    return "text,label\n" + f"{text},{label}\n" * rows + "c,d\n"


CSV = [
    csv(["text,label\n", *(f"a,{n}\n" for n in range(300_000))], CLASSES, "300,000-classes"),
    csv("text," + "a," * 1_000_000, "more than 10,000 columns", "a-million-columns"),
    csv(table("a" * 11_000_000), CELL, "a-cell-of-11-million-characters"),
    csv('text,label\na,b\n"' + "a,b\n" * 3_000_000, CELL, "a-quotation-mark-that-is-never-closed"),
    csv("text,label\na,b\n" + "a," * 3_000_000, "cells, but there are 2 columns", "a-row-of-3-million-cells"),
    csv(["text,label,split\n", *(f"a,b,s{n}\n" for n in range(200))], "more than 100 splits", "200-splits"),
    csv(table(label="a" + "\u0301" * 1_000_000), "longer than 256", "a-million-accents"),
    csv(table(label="|".join(map(str, range(500_000)))), "more than 10,000 classes", "many-classes-of-one-row", MANY),
    csv(table(label="1" * 1_000_000), "not a finite number", "a-number-of-a-million-digits", NUMBERS),
    csv(table("a " * 100_000, " ".join(map(str, range(100_000)))), CLASSES, "100,000-tags", TAGS),
    csv('"' * 9_000_000, "FOREBEAR_DATA|not CSV|no column", "nothing-but-quotation-marks"),
]


def js(content: str | Iterable[str], words: str, name: str, how: HowToRead = AS_USUAL) -> Bomb:
    return Bomb(f"json-{name}", lambda f: written(f, "a.json", content), words, how)


JSON = [
    js("[" * 1_000_000, "is not JSON", "a-million-nested-arrays"),
    js('{"text":' + '{"a":' * 1_000_000, "is not JSON", "a-million-nested-objects"),
    js(
        "{" + "".join(f'"{n}":0,' for n in range(200_000)) + '"199999":0}',
        "'199999' is given twice",
        "the-last-of-200,000-keys-twice",
    ),
    js([json.dumps({f"k{n}": 1}) + "\n" for n in range(100_000)], "more than 10,000 columns", "100,000-different-keys"),
    js('{"text":' + "1" * 1_000_000 + "}", "is not JSON", "a-number-of-a-million-digits"),
    js("[" + "1," * 3_000_000 + "1]", "is not a JSON object", "3-million-numbers"),
    js("[" + "1e308," * 1_000_000 + "1]", "is not a JSON object", "a-million-floats"),
    js("[" + "{}," * 700_000 + "{}]", "has no column 'text'", "700,000-empty-objects"),
    js("[" + "[]," * 2_000_000 + "[]]", "is not a JSON object", "2-million-empty-arrays"),
    js(json.dumps({"text": "a" * 11_000_000, "label": "b"}), CELL, "a-text-of-11-million-characters"),
    js(
        '{"text":"' + "\\u00e9" * 1_900_000 + '","label":["' + '","'.join(map(str, range(200_000))) + '"]}',
        "more than 10,000 classes",
        "a-list-of-200,000-classes",
        MANY,
    ),
]


def texts(folder: Path) -> Path:
    """A sparse file of 45 MB."""
    for name in ("cat", "dog"):
        (folder / "data" / name).mkdir(parents=True)
        (folder / "data" / name / "1.txt").write_text(name)
    with (folder / "data/cat/2.txt").open("wb") as file:
        file.truncate(45_000_000)
    return folder / "data"


def many_files(folder: Path) -> Path:
    (folder / "data/cat").mkdir(parents=True)
    (folder / "data/cat/0.txt").write_text("a")
    for number in range(1, 60_000):
        (folder / f"data/cat/{number}.txt").hardlink_to(folder / "data/cat/0.txt")
    return folder / "data"


def many_folders(folder: Path) -> Path:
    for number in range(60_000):
        (folder / f"data/{number}").mkdir(parents=True)
    return folder / "data"


def deep_folders(folder: Path) -> Path:
    place = folder / "data" / "/".join(["d"] * 900)
    place.mkdir(parents=True)
    (place / "1.txt").write_text("a")
    return folder / "data"


FOLDERS = [
    Bomb("a-text-of-45-MB", texts, CELL),
    Bomb("60,000-files", many_files, FILES),
    Bomb("60,000-folders", many_folders, FILES),
    Bomb("900-folders-deep", deep_folders, "more than 64 deep"),
]
