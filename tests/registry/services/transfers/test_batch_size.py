"""The batch size of a step is halved when memory runs out, and a resumed step continues with the size it had."""

from __future__ import annotations

from pathlib import Path

from registry.errors import OutOfMemoryError
from registry.services.transfers.batch_size import SMALLEST, Batch


def test_a_resumed_step_continues_with_the_size_that_it_had(tmp_path: Path) -> None:
    half = Batch.recall(tmp_path, 64).half
    assert half is not None
    half.keep(tmp_path)
    assert Batch.recall(tmp_path, 64) == Batch(asked=64, used=32, halved=1)
    Batch.forget(tmp_path)
    assert Batch.recall(tmp_path, 64) == Batch(64, 64)


def test_an_empty_file_counts_as_no_earlier_attempt(tmp_path: Path) -> None:
    (tmp_path / "batch.json").write_text("")
    assert Batch.recall(tmp_path, 8) == Batch(8, 8)


def test_no_batch_is_halved_below_the_smallest() -> None:
    assert Batch(SMALLEST, SMALLEST).half is None
    assert Batch(2 * SMALLEST + 1, 2 * SMALLEST + 1).half == Batch(2 * SMALLEST + 1, SMALLEST, 1)


def test_the_manifest_names_the_size_only_if_it_is_not_the_recipe_s() -> None:
    assert Batch(8, 8).facts == {}
    assert Batch(8, 4, 1).facts == {"auto_batch": {"asked": 8, "used": 4, "halved": 1}}


def test_the_error_names_the_batch_that_did_not_fit() -> None:
    refused = Batch(8, 4, 1).refused(OutOfMemoryError("The GPU is full", facts={"device": "cuda"}))
    assert refused.message == "The GPU is full at batch_size 4"
    assert refused.facts == {"device": "cuda", "batch_size": 4}
