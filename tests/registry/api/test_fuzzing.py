"""Generated requests to every route: the OpenAPI document is true, and nothing breaks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzzing import FOUND, fuzz


@pytest.mark.slow
@pytest.mark.skipif(FOUND is None, reason="Schemathesis is not installed; `make fuzz-api` installs it")
@pytest.mark.parametrize("seed", [1, 2])
def test_generated_requests_find_no_answer_that_the_document_does_not_describe(tmp_path: Path, seed: int) -> None:
    outcome = fuzz(tmp_path, each=3, seed=seed, command=str(FOUND))
    assert (outcome.failures, outcome.complete) == (0, True), outcome.text
    assert outcome.cases > 1000
