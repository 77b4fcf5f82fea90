"""One registry imports from another: the way from our own Hub protocol into an import, over real HTTP."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from registry.client.registry import connect
from registry.domain.names import Name, Reference
from registry.domain.verbs.catalog import ImportModel
from registry.errors import RefusedError
from registry.services.catalog.verbs import Catalog
from registry.settings import Settings
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.fakes.clock import FakeClock
from tests.fakes.plugins import FACTS, FakePlugins
from tests.listening import HOST
from tests.registry.services.registries import open_context
from tests.serving import ServedRegistry, copy_of, listening

COPY = Name("library", "copy")


def test_an_approved_version_of_another_registry_is_imported_and_one_that_nobody_approved_is_refused(
    served: ServedRegistry, open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path
) -> None:
    context = open_context(open_uow, clock, tmp_path / "home", plugins=FakePlugins(facts=replace(FACTS, licence=None)))
    with listening(served.app) as url:
        settings = Settings(hub_url=url, hub_private_hosts=(HOST,), hub_token=served.family.tokens["vic"])
        catalog = Catalog(replace(context, settings=settings))
        made = catalog.import_model(ImportModel(COPY, "hf:vision/digits@candidate"))
        with pytest.raises(RefusedError, match="refuses it"):
            catalog.import_model(ImportModel(COPY, "hf:vision/digits@1"))
    theirs = served.family.registry("ana").catalog.version(Reference.to(served.family.grandchild))
    assert made.summary.licence == theirs.summary.licence
    assert made.model.origin.startswith("hf:vision/digits@")
    known = {one.path: one.sha256 for one in made.files}
    assert known["config.json"] == next(one.sha256 for one in theirs.files if one.path == "config.json")


def test_a_client_asks_its_server_and_the_server_fetches(served: ServedRegistry, tmp_path: Path) -> None:
    own = copy_of(served, tmp_path / "home")
    with listening(own.app) as url, connect(url, token=own.family.tokens["dev"]) as registry:
        with pytest.raises(RefusedError, match="no Hub is set") as refused:
            registry.catalog.import_model(ImportModel(COPY, "hf:acme/digits@main"))
        assert "hf download acme/digits --revision main" in refused.value.remedy
