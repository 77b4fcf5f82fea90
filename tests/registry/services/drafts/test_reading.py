"""What is read of a draft: its small files, and all of them, verified."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.domain.drafts.drafts import Commit
from registry.errors import IntegrityError, InvalidError
from registry.services.context import Context
from registry.services.drafts.reading import lay_out, text_of
from registry.services.drafts.verbs import Drafts
from tests.fakes.blobs import MemoryBlobs
from tests.registry.services.drafts.stories import BERT, CARD, large, model_sent


@pytest.fixture(autouse=True)
def _begun(context: Context) -> None:
    Drafts(context).begin(BERT)


def test_the_text_of_a_file_is_read_and_what_is_no_text_is_refused(context: Context, tmp_path: Path) -> None:
    draft = model_sent(context, tmp_path / "sent", weights=b"\xff")
    assert (text_of(context, draft, "README.md"), text_of(context, draft, "none.md")) == (CARD, None)
    with pytest.raises(InvalidError, match="is not UTF-8"):
        text_of(context, draft, "model.safetensors")
    big = Drafts(context).commit(BERT, Commit("", None, {}, (large(Drafts(context), "big.md", b"x" * 300_000),)))
    with pytest.raises(InvalidError, match="is larger than"):
        text_of(context, big, "big.md")


def test_a_draft_whose_bytes_are_gone_says_so(context: Context, tmp_path: Path, blobs: MemoryBlobs) -> None:
    draft = model_sent(context, tmp_path / "sent")
    lay_out(context, draft, tmp_path / "out")
    assert (tmp_path / "out" / "model.safetensors").read_bytes() == b"weights"
    blobs.kept.clear()
    with pytest.raises(IntegrityError, match="are missing or were changed"):
        lay_out(context, draft, tmp_path / "again")
