"""Data with labels of every kind: registered by command or upload, and shown in a terminal, as JSON and on a page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from registry.domain.codec import from_json
from registry.domain.data.datasets import DatasetVersionDetail, LabelKind
from tests.adapters.dvc.worlds import draw, paint
from tests.command_line import CommandLine, command_line
from tests.registry.web.test_pages import text_of
from tests.serving import ServedRegistry, copy_of, problem, serve_family

LICENCE = ("--licence", "CC0-1.0")
TABLES = {
    "many": "text,label\n" + "".join(f"film {n},{'war|love' if n % 2 else 'sea'}\n" for n in range(20)),
    "number": "text,label\n" + "".join(f"film {n},{n / 4 - 2}\n" for n in range(20)),
    "tags": "text,label\n" + "".join(f"Film {n},TITLE NUMBER\n" for n in range(20)),
    "none": "text\n" + "".join(f"film {n}\n" for n in range(20)),
}
TOLD = {
    "many": "any of 3 classes",
    "number": "numbers from -2 to 2.75",
    "tags": "a tag a word, of 2 classes",
    "none": "no labels",
}
TASKS = {
    "many": "text-classification",
    "number": "text-regression",
    "tags": "token-classification",
    "none": "unlabelled",
}


@pytest.fixture(scope="module")
def forebear(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """A home with a dataset of each kind but the usual one."""
    folder = tmp_path_factory.mktemp("labels")
    with command_line(folder) as typed:
        typed.ask("init")
        for kind, table in TABLES.items():
            file = draw(folder, {f"{kind}.csv": table}) / f"{kind}.csv"
            said = typed("dataset", "add", f"data/{kind}", file, "--labels", kind, *LICENCE)
            assert said.code == 0, said.err
            assert f"20 rows, {TOLD[kind]}" in said.out
        yield typed


@pytest.mark.parametrize("kind", list(TABLES))
def test_a_dataset_says_what_its_labels_are(kind: str, forebear: CommandLine) -> None:
    detail = forebear.ask("dataset", "show", f"data/{kind}")
    assert detail["summary"]["labels"] == kind
    assert detail["dataset"]["describing"]["task"] == TASKS[kind]
    assert from_json(DatasetVersionDetail, detail).summary.labels is LabelKind(kind)
    for shown in (("show", f"data/{kind}"), ("list",), ("versions", f"data/{kind}")):
        words = " ".join(forebear("dataset", *shown).out.split())
        assert TOLD[kind] in words, shown


def test_the_numbers_of_each_split_are_told_by_range_and_mean(forebear: CommandLine) -> None:
    splits = {split["name"]: split for split in forebear.ask("dataset", "show", "data/number")["summary"]["splits"]}
    assert [splits[name]["rows"] for name in ("train", "validation", "test")] == [14, 2, 4]
    found = splits["train"]["numbers"]
    assert (found["least"], found["most"]) == (-2, 2.75)
    assert splits["train"]["classes"] == {}
    assert f"-2 to 2.75, mean {found['mean']:.4g}" in forebear("dataset", "show", "data/number").out


def test_a_further_version_holds_labels_of_the_same_kind(forebear: CommandLine, tmp_path: Path) -> None:
    file = draw(tmp_path, {"number.csv": TABLES["number"] + "one more,9.5\n"}) / "number.csv"
    added = forebear.ask("dataset", "add", "data/number", file)
    assert (added["summary"]["ref"], added["summary"]["labels"]) == ("datasets:/data/number/2", "number")
    refused = forebear.refused("dataset", "add", "data/number", file, "--labels", "class")
    assert refused["code"] == "conflict"
    assert "The labels of data/number are of the kind number, not class" in refused["detail"]


@pytest.mark.parametrize(
    ("kind", "table", "sentence"),
    [
        ("class", TABLES["none"], "Name it with --label, or write --labels none"),
        ("number", TABLES["many"], "The label of line 2 of 't.csv' is 'sea', which is not a finite number"),
        ("tags", TABLES["many"], "Line 2 of 't.csv' has 1 tags for 2 words"),
        ("many", "text,label\na,b|b\n", "Line 2 of 't.csv' names the class 'b' twice"),
    ],
)
def test_labels_of_another_kind_are_reported_by_row(
    kind: str, table: str, sentence: str, forebear: CommandLine, tmp_path: Path
) -> None:
    file = draw(tmp_path, {"t.csv": table}) / "t.csv"
    refused = forebear.refused("dataset", "add", "data/wrong", file, "--labels", kind, *LICENCE)
    assert refused["code"] == "bad-data"
    assert sentence in f"{refused['detail']} {refused['remedy']}"


def test_a_kind_that_there_is_not_is_refused_with_those_there_are(forebear: CommandLine) -> None:
    refused = forebear("dataset", "add", "data/wrong", "x.csv", "--labels", "several")
    assert refused.code == 2
    assert all(kind in refused.err for kind in LabelKind)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> ServedRegistry:
    """A server that takes uploads."""
    folder = tmp_path_factory.mktemp("served")
    return copy_of(serve_family(folder / "family"), folder / "home")


def upload(served: ServedRegistry, name: str, files: dict[str, bytes], **details: Any) -> Any:
    parts: list[tuple[str, Any]] = [("details", (None, json.dumps({"licence": "CC0-1.0", **details})))]
    parts += [("file", (path, content)) for path, content in files.items()]
    return served.client("ana").post(f"/api/v1/datasets/data/{name}/versions", files=parts)


@pytest.mark.parametrize("kind", list(TABLES))
def test_an_upload_says_what_its_labels_are_and_the_page_shows_it(kind: str, served: ServedRegistry) -> None:
    answer = upload(served, kind, {f"{kind}.csv": TABLES[kind].encode()}, labels=kind)
    assert answer.status_code == 201, answer.text
    assert answer.json()["summary"]["labels"] == kind
    pages = [text_of(served.client("ana").get(path).text) for path in ("/datasets", f"/datasets/data/{kind}")]
    assert all(TOLD[kind] in page for page in pages)
    heading = {"many": "Classes", "number": "Numbers", "tags": "Tags"}
    found = {word for word in heading.values() if f" {word} " in pages[1]}
    assert found == ({heading[kind]} if kind in heading else set())


def test_pictures_without_classes_are_uploaded_flat(served: ServedRegistry, tmp_path: Path) -> None:
    files = {f"{shade}.png": paint(tmp_path / f"{shade}.png", shade).read_bytes() for shade in range(4)}
    assert problem(upload(served, "flat", files))["code"] == "bad-data"
    assert upload(served, "flat", files, labels="none").json()["summary"]["rows"] == 4


def test_features_are_uploaded_as_an_archive(served: ServedRegistry, tmp_path: Path) -> None:
    np.savez(tmp_path / "f.npz", x=np.eye(4, dtype=np.float32), y=np.array([0.5, 1, 2, 3]))
    answer = upload(served, "features", {"f.npz": (tmp_path / "f.npz").read_bytes()}, labels="number")
    assert answer.json()["dataset"]["describing"]["modality"] == "tabular"


def test_an_upload_with_an_unknown_kind_is_refused(served: ServedRegistry) -> None:
    refused = problem(upload(served, "odd", {"t.csv": TABLES["many"].encode()}, labels="several"))
    assert refused["status"] in {400, 422}
    assert "class, many, number, tags, none" in refused["detail"]
