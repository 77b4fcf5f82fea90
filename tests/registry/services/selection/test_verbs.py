"""Reports are kept."""

from __future__ import annotations

import pytest

from registry.domain.audit import read_body
from registry.errors import NotFoundError
from registry.services.context import Context
from registry.services.selection.verbs import Selection
from tests.registry.services.selection.worlds import DATA, recommend


def test_a_report_is_kept_and_given_back_as_it_was(context: Context) -> None:
    report = recommend(context, "strong")
    selection = Selection(context)
    assert selection.report(report.id) == report
    assert selection.reports(DATA)[0] == report
    with context.read() as uow:
        *_, entry = uow.audit.entries()
    written = read_body(entry.body)
    assert (written.columns.action, written.columns.subject) == ("selection.recommended", report.id)
    assert written.detail["data"] == str(report.data)
    for wrong in ("step-01m8hjx51z8wa8pzh11majgyxx", "sel-01m8hjx51z8wa8pzh11majgyxx"):
        with pytest.raises(NotFoundError):
            selection.report(wrong)
