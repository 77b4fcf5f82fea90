"""The inventory and the technical documentation in the browser, by command and by route."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from registry.cli import main
from tests.serving import ServedRegistry


def run(served: ServedRegistry, *words: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(("--home", str(served.family.home), "--as", "ben", *words))
    assert not ended.value.code


def test_the_inventory_is_the_same_on_the_page_by_route_and_as_csv(
    served: ServedRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = served.client("ben").get("/api/v1/inventory").json()["items"]
    assert lines
    text = served.browser("ben").get("/inventory").text
    for line in lines:
        assert f"models:/{line['ref']}".rpartition("models:/")[2] in text
        assert all(gap in text for gap in line["gaps"])
    assert "No version of this tier" in served.browser("ben").get("/inventory", params={"tier": "low"}).text
    run(served, "inventory", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert sorted(row["ref"] for row in rows) == sorted(line["ref"] for line in lines)
    run(served, "inventory", "--format", "json")
    assert len(json.loads(capsys.readouterr().out)) == len(lines)
    for tier in ("high", "unknown"):
        told = served.client("ben").get("/api/v1/inventory", params={"tier": tier}).json()["items"]
        run(served, "inventory", "--tier", tier, "--format", "json")
        shown = [line["ref"] for line in json.loads(capsys.readouterr().out)]
        assert shown == [line["ref"] for line in told] == [line["ref"] for line in lines if line["tier"] == tier]
    run(served, "inventory")
    assert "Not on record" in capsys.readouterr().out


def test_the_technical_documentation_is_a_folder_a_page_and_a_route(
    served: ServedRegistry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ref = "models:/vision/digits/1"
    found = served.client("ben").get("/api/v1/annex-iv", params={"reference": ref}).json()
    text = served.browser("ben").get("/annex-iv", params={"reference": ref}).text
    assert all(point["title"] in text for point in found["points"])
    gaps = [asked["text"] for point in found["points"] for asked in point["asked"] if not asked["facts"]]
    assert f"Not on record ({len(gaps)})" in text
    out = tmp_path / "documentation"
    run(served, "annex-iv", ref, "--out", str(out))
    said = capsys.readouterr().out
    assert "Copy of the EU declaration of conformity" in said
    assert {one.name for one in out.iterdir()} >= {"annex-iv.md", "annex-iv.json", "step.json", "evidence.json"}
    assert all(gap in (out / "annex-iv.md").read_text("utf-8") for gap in gaps)
    assert json.loads((out / "annex-iv.json").read_text("utf-8"))["points"] == found["points"]
    with pytest.raises(SystemExit) as ended:
        main(("--home", str(served.family.home), "--as", "ben", "annex-iv", ref, "--out", str(out)))
    assert ended.value.code
    assert "is not empty" in capsys.readouterr().err


def test_the_page_of_a_day_follows_an_alias_over_all_models(served: ServedRegistry) -> None:
    browser = served.browser("ben")
    shown = browser.get("/as-of", params={"reference": "@candidate", "at": "2001-01-01"})
    assert (shown.status_code, "No model had a version with this alias then" in shown.text) == (200, True)
    for reference, at, words in (
        ("@production", "yesterday", "which is not a day"),
        ("@No such", "2001-01-01", "is not an alias"),
        ("@", "2001-01-01", "is not an alias"),
    ):
        wrong = browser.get("/as-of", params={"reference": reference, "at": at})
        assert (wrong.status_code, words in wrong.text) == (400, True), reference
