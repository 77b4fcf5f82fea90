"""The card's `base_model` becomes the exact version where that can be told, and nothing is guessed where it cannot."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lineage import Assurance
from registry.domain.catalog.commits import commit_of
from registry.domain.drafts.drafts import Commit, RegisterDraft
from registry.domain.names import Name, Reference
from registry.domain.verbs.catalog import ImportModel
from registry.errors import ConflictError, InvalidError, NotFoundError
from registry.services.catalog.verbs import Catalog
from registry.services.context import Context
from registry.services.drafts.bases import parents_of
from registry.services.drafts.verbs import Drafts
from tests.adapters.dvc.worlds import draw
from tests.registry.services.drafts.stories import BERT, model_sent, small

BASE = Name("library", "base")


def base(context: Context, folder: Path, weights: str) -> str:
    source = draw(folder, {"config.json": "{}", "model.safetensors": weights})
    return str(Catalog(context).import_model(ImportModel(BASE, str(source))).summary.ref)


def named(context: Context, value: object) -> list[str]:
    return [str(one) for one in parents_of(context, Drafts(context).show(BERT), {"base_model": value})]


@pytest.fixture
def first(context: Context, tmp_path: Path) -> str:
    Drafts(context).begin(BERT)
    return base(context, tmp_path / "one", "1")


def test_a_name_with_its_version_or_with_one_version_alone_is_exact(context: Context, first: str) -> None:
    assert named(context, "library/base") == [first]
    assert named(context, ["library/base.v1", "google/bert", "Org/Some-Model", "library/base"]) == [first]
    assert named(context, None) == []
    with pytest.raises(InvalidError, match="no name or list of names"):
        named(context, {"a": 1})


def test_of_several_versions_none_is_guessed(context: Context, first: str, tmp_path: Path) -> None:
    second = base(context, tmp_path / "two", "2")
    with pytest.raises(ConflictError, match=r"which has 2 versions here") as refused:
        named(context, "library/base")
    assert "library/base.v2, library/base.v1" in str(refused.value)
    assert named(context, "library/base.v2") == [second]
    assert first != second


@pytest.mark.parametrize("revision", ["v1", "1", "tested", "commit"])
def test_the_revision_in_an_adapter_s_config_decides(
    context: Context, first: str, tmp_path: Path, revision: str
) -> None:
    base(context, tmp_path / "two", "2")
    catalog = Catalog(context)
    version = catalog.version(Reference.parse(first))
    catalog.set_alias(Reference.parse(first), "tested")
    if revision == "commit":
        revision = commit_of(version.summary.ref, str(version.summary.digest), version.card)
    config = {"base_model_name_or_path": "library/base", "revision": revision}
    files = {"adapter_config.json": json.dumps(config)}
    Drafts(context).commit(BERT, Commit("", None, small(tmp_path / "adapter", files)))
    assert named(context, "library/base") == [first]


def test_the_version_that_is_made_has_a_declared_edge_to_its_base(context: Context, first: str, tmp_path: Path) -> None:
    model_sent(context, tmp_path / "sent", card="---\nlicense: mit\nbase_model: library/base.v1\n---\n# x\n")
    made = Drafts(context).register(RegisterDraft(BERT))
    assert [str(one) for one in made.parents] == [first]
    with context.read() as uow:
        step = uow.steps.get(made.step)
        assert step is not None
        assert [one.assurance for one in step.inputs] == [Assurance.DECLARED]


def test_a_version_that_is_not_there_is_an_error(context: Context, first: str, tmp_path: Path) -> None:
    model_sent(context, tmp_path / "sent", card="---\nlicense: mit\nbase_model: library/base.v9\n---\n# x\n")
    with pytest.raises(NotFoundError, match="models:/library/base/9 does not exist"):
        Drafts(context).register(RegisterDraft(BERT))
    assert first
