"""What is said of where a version came from, in its card, its adapter config, its edges and its weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from sqlalchemy import delete

from registry.domain.catalog.models import Status
from registry.domain.governance.reviews.findings import Severity
from registry.domain.names import Name, Reference
from registry.domain.verbs.catalog import ImportModel
from registry.services.catalog.verbs import Catalog
from registry.services.context import Context
from registry.services.governance.dossier import open_dossier
from registry.services.registry import LocalRegistry
from registry.storage.database import Database
from registry.storage.tables import finding
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.fakes.clock import FakeClock
from tests.fakes.plugins import FakePlugins
from tests.registry.services.registries import open_context, with_an_account

COMMIT = "0123456789abcdef0123456789abcdef01234567"
Bring = Callable[..., Reference]


@pytest.fixture
def context(open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path) -> Context:
    return with_an_account(open_context(open_uow, clock, tmp_path / "home", role="admin", plugins=FakePlugins()))


@pytest.fixture
def bring(context: Context, tmp_path: Path) -> Bring:
    """Import a model; `base` is what its card names, `adapter` what its adapter config does."""

    def make(
        name: str, *parents: str, origin: str = "internal", base: object = None, adapter: str | None = None,
        seed: int = 1, mean: float = 0.5,
    ) -> Reference:  # fmt: skip
        folder = tmp_path / name
        folder.mkdir()
        draw = np.random.default_rng(seed).standard_normal
        layers = {"body.weight": (64, 30), "next.weight": (64, 64), name: (1, 1)}
        save_file({key: draw(shape).astype(np.float32) for key, shape in layers.items()}, folder / "model.safetensors")
        (folder / "preprocessor_config.json").write_text(json.dumps({"image_mean": [mean]}))
        if adapter is not None:
            (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": adapter}))
        card = None if base is None else f"---\nbase_model: {json.dumps(base)}\n---\nText\n"
        claims = tuple(Reference.parse(f"models:/vision/{one}/1") for one in parents)
        wanted = ImportModel(Name("vision", name), str(folder), origin=origin, card=card, parents=claims)
        Catalog(context).import_model(wanted)
        return Reference.parse(f"models:/vision/{name}/1")

    return make


def findings(context: Context, reference: Reference) -> list[tuple[Severity, str]]:
    with context.read() as uow:
        ref = uow.catalog.resolve(reference)
        assert ref is not None
        return [(one.severity, one.text) for one in uow.reviews.findings_about(ref)]


def contradicted(context: Context, reference: Reference) -> int:
    with context.read() as uow:
        ref = uow.catalog.resolve(reference)
        assert ref is not None
        return open_dossier(uow, ref, requested_by=None).candidate.ancestors.claims_contradicted


def test_a_card_that_names_another_base_than_the_recorded_parent_is_a_finding_with_both_sides(
    context: Context, bring: Bring
) -> None:
    bring("base", origin=f"hf:org/base@{COMMIT}")
    child = bring("child", "base", base="org/other")
    text = (
        "The card names org/other as its base model, and the recorded parent is "
        f"vision/base/1 (imported from hf:org/base@{COMMIT})"
    )
    assert findings(context, child) == [(Severity.HIGH, text)]
    assert contradicted(context, child) == 1


def test_a_card_that_names_the_repository_of_the_parent_or_of_a_model_above_it_agrees(
    context: Context, bring: Bring
) -> None:
    bring("base", origin=f"hf:Org/Base@{COMMIT}")
    child = bring("child", "base", base=["https://huggingface.co/org/base"])
    grandchild = bring("grandchild", "child", base="org/base")
    named = bring("named", "child", base="vision/base")
    assert [findings(context, one) for one in (child, grandchild, named)] == [[], [], []]
    assert contradicted(context, grandchild) == 0


def test_a_name_that_nobody_can_place_is_no_contradiction(context: Context, bring: Bring) -> None:
    bring("base")
    child = bring("child", "base", base=["org/base", "../weights", 3, "a/b/c"])
    assert findings(context, child) == []
    assert bring("alone", base="org/base", seed=2)
    assert findings(context, Reference.parse("models:/vision/alone/1")) == []


def test_another_registered_model_in_a_revised_card_is_a_finding_and_is_raised_once(
    context: Context, bring: Bring
) -> None:
    bring("base")
    bring("other", origin="hf:org/other", seed=2)
    child = bring("child", "base")
    for text in ("first", "second"):
        Catalog(context).revise_card(child, f"---\nbase_model: org/other\n---\n{text}\n")
    assert findings(context, child) == [
        (
            Severity.HIGH,
            "The card names org/other as its base model, which is registered as vision/other, "
            "and the recorded parent is vision/base/1",
        )
    ]


def test_an_adapter_config_is_compared_with_the_card_and_with_the_parent(context: Context, bring: Bring) -> None:
    unlike = bring("adapter", base="org/one", adapter="org/two")
    words = "The file adapter_config.json names org/two as its base model, and the card names org/one"
    assert findings(context, unlike) == [(Severity.HIGH, words)]
    assert findings(context, bring("same", base="org/one", adapter="Org/One", seed=2)) == []
    bring("base", origin="hf:org/base", seed=3)
    against = bring("against", "base", adapter="org/two", seed=3)
    assert [text for _, text in findings(context, against)] == [
        "The file adapter_config.json names org/two as its base model, and the recorded parent is "
        "vision/base/1 (imported from hf:org/base)"
    ]


def test_weights_that_speak_against_a_claim_and_a_silent_change_of_the_interface_are_findings(
    context: Context, bring: Bring
) -> None:
    bring("base")
    stray = bring("stray", "base", seed=2, mean=0.4)
    (high, against), (medium, interface) = findings(context, stray)
    assert (high, medium) == (Severity.HIGH, Severity.MEDIUM)
    assert against.startswith("It claims vision/base/1 as its parent, and the weights speak against it: ")
    assert interface == (
        "It is called otherwise than its parent vision/base/1, and no recipe asks for that: "
        "preprocessor_config.json: image_mean is [0.4], and was [0.5]"
    )
    Catalog(context).set_status(stray, Status.SUSPENDED, "under inquiry")


def test_a_comparison_that_is_made_again_raises_what_nobody_had_said_before_and_nothing_twice(
    context: Context, bring: Bring, sqlite_database: Database
) -> None:
    bring("base")
    stray = bring("stray", "base", seed=2)
    before = findings(context, stray)
    lineage = LocalRegistry(context).lineage
    lineage.verify(stray)
    assert findings(context, stray) == before
    with sqlite_database.engine.begin() as connection:
        connection.execute(delete(finding))  # as in a registry from before findings were raised
    lineage.verify(stray, parent=Reference.parse("models:/vision/stray/1"))
    assert findings(context, stray) == [], "nobody claimed that parent"
    lineage.verify(stray)
    assert findings(context, stray) == before
