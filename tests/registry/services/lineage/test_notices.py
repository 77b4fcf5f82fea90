"""The notice to pass on with a version: what its files and those of its ancestors hold, and what nobody holds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from registry.domain.catalog.notices import copyright_lines, is_notice
from registry.domain.names import Name, Reference
from registry.domain.people.people import Actor, Scope
from registry.domain.verbs.catalog import ImportModel
from registry.presenting.notices import as_text
from registry.services.catalog.verbs import Catalog
from registry.services.context import Context
from registry.services.lineage.verbs import Lineage
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.fakes.clock import FakeClock
from tests.fakes.plugins import FakePlugins
from tests.registry.services.registries import open_context

MIT = (
    "MIT License\n\nCopyright (c) 2021 The Base Authors\n\nPermission is hereby granted; keep this copyright notice.\n"
)
CHILD = Reference.parse("models:/vision/child/1")


@pytest.fixture
def context(open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path) -> Context:
    """A child under Apache-2.0 without a text, of a base under MIT with one, which stands in a folder too."""
    context = open_context(open_uow, clock, tmp_path / "home", role="admin", plugins=FakePlugins())
    for name, licence, parents in (("base", "mit", ()), ("child", "apache-2.0", ("models:/vision/base/1",))):
        folder = tmp_path / name
        (folder / "docs").mkdir(parents=True)
        save_file({"body.weight": np.ones((64, 30), np.float32)}, folder / "model.safetensors")
        if name == "base":
            (folder / "LICENSE").write_text(MIT)
            (folder / "docs" / "license.txt").write_text(MIT)
        claims = tuple(map(Reference.parse, parents))
        Catalog(context).import_model(ImportModel(Name("vision", name), str(folder), licence=licence, parents=claims))
    return context


def test_texts_and_copyright_lines_of_all_ancestors_are_gathered_once_and_what_is_missing_is_said(
    context: Context,
) -> None:
    found = Lineage(context).notice(CHILD)
    assert [(one.label, one.licence, one.copyright) for one in found.parts] == [
        ("vision/child/1", "Apache-2.0", ()),
        ("vision/base/1", "MIT", ("Copyright (c) 2021 The Base Authors",)),
    ]
    assert [(one.found_in, one.standard) for one in found.texts] == [
        (("vision/base/1: LICENSE", "vision/base/1: docs/license.txt"), ""),
        ((), "Apache-2.0"),
    ]
    assert found.missing == ("vision/child/1: no copyright line is on record",)
    written = as_text(found)
    assert written.count("Permission is hereby granted") == 1
    assert "The standard text of Apache-2.0, from the SPDX list" in written
    assert "TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION" in written


def test_a_text_that_is_on_no_list_is_named_as_its_author_named_it(context: Context) -> None:
    folder = Path(context.home).parent / "gemma"
    folder.mkdir()
    save_file({"body.weight": np.full((64, 30), 2, np.float32)}, folder / "model.safetensors")
    claims = (Reference.parse("models:/vision/base/1"),)
    licence = "LicenseRef-scancode-gemma-tou-2024-04-01 AND MIT AND CC-BY-4.0"
    Catalog(context).import_model(ImportModel(Name("vision", "grand"), str(folder), licence=licence, parents=claims))
    found = Lineage(context).notice(Reference.parse("models:/vision/grand/1"))
    assert [one.standard for one in found.texts if one.standard] == ["CC-BY-4.0"], "the base has a text of MIT"
    gemma = next(one for one in found.missing if "gemma" in one)
    assert gemma.endswith("vision/grand/1. Obtain it from its publisher: Gemma Terms of Use of Google, "
                          "with its prohibited use policy")  # fmt: skip


def test_files_that_may_not_be_read_and_deleted_versions_are_named_as_missing(context: Context) -> None:
    looker = replace(context, actor=Actor("vic", frozenset({"viewer"}), scope=Scope.READ))
    assert "needs the scope use" in Lineage(looker).notice(CHILD).missing[0]
    Catalog(context).delete(Reference.parse("models:/vision/base/1"))
    found = Lineage(context).notice(CHILD)
    assert "vision/base/1: It was deleted" in found.missing
    assert [one.licence for one in found.parts] == ["Apache-2.0", "MIT"], "what a deleted ancestor owed stays owed"


def test_files_are_known_as_notices_by_their_names() -> None:
    names = (
        "LICENSE",
        "license.txt",
        "a/LICENCE-MIT",
        "NOTICE.md",
        "COPYING",
        "licenses.json.bak",
        "unlicensed",
        "my-license",
    )
    assert [name for name in names if is_notice(name)] == [
        "LICENSE", "license.txt", "a/LICENCE-MIT", "NOTICE.md", "COPYING", "licenses.json.bak",
    ]  # fmt: skip


def test_blanks_of_a_form_and_sentences_about_copyright_are_no_copyright_lines() -> None:
    text = """
       # Copyright 2018 The Authors. All rights reserved.
       Copyright [yyyy] [name of copyright owner]
       Copyright (c) <year> <copyright holders>
       "Licensor" shall mean the copyright owner or entity authorized by the copyright owner
       Copyright notices must be kept.
       © 2020 Somebody
    """
    assert list(copyright_lines(text)) == ["Copyright 2018 The Authors. All rights reserved.", "© 2020 Somebody"]
