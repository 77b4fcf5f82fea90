"""What a recall reaches is made again without what it took back, and its tasks are settled by what was made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.domain.cascade.plan import CascadePlan
from registry.domain.governance.recalls import Disposition, Level, NewDisposition, NewRecall, RecallState
from registry.domain.names import Reference, VersionRef
from registry.errors import ConflictError, InvalidError, NotFoundError, WithheldError
from registry.services.cascade.verbs import Cascades
from registry.services.context import Context
from registry.services.governance.recalls.verbs import Recalls
from tests.registry.services.cascade.conftest import world
from tests.registry.services.cascade.test_running import answering
from tests.registry.services.selection.worlds import add_model

NEW, OLD = Reference.parse("models:/library/other/1"), "models:/library/base/1"
SECOND = Reference.parse("models:/text/second/1")


@pytest.fixture(scope="module")
def context(_migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Context]:
    folder = tmp_path_factory.mktemp("recalled")
    with world(_migrated_file, folder) as found:
        add_model(found, folder, "other")
        answering(found, {})
        yield found


@pytest.fixture(scope="module")
def recall(context: Context) -> str:
    return Recalls(context).open(NewRecall(OLD, Level.RECALL, "poisoned")).recall.id


def plan(context: Context, recall: str, parent: Reference = NEW) -> CascadePlan:
    return Cascades(context).plan(parent, recall=recall)


def test_open_tasks_are_planned_from_another_model_and_all_else_stays_pinned(context: Context, recall: str) -> None:
    found = plan(context, recall)
    assert (str(found.parent), str(found.replaced), found.recall) == (str(NEW), OLD, recall)
    assert [(one.generation, str(one.old)) for one in found.planned] == [
        (1, "models:/text/first/1"),
        (1, "models:/text/first/2"),
        (1, "models:/text/third/1"),
        (2, "models:/text/second/1"),
    ]
    assert found.planned[0].recipe["sources"] == [{"model": str(NEW), "as": "source"}]
    other = plan(context, recall, Reference.parse("models:/library/base/2")).planned[0].recipe
    pinned = {name: value for name, value in other.items() if name != "sources"}
    assert pinned == {name: value for name, value in found.planned[0].recipe.items() if name != "sources"}


def test_what_the_recall_reaches_or_did_not_take_back_is_refused(context: Context, recall: str) -> None:
    with pytest.raises(WithheldError):
        plan(context, recall, SECOND)
    with pytest.raises(InvalidError, match="did not take back a dataset"):
        plan(context, recall, Reference.parse("datasets:/data/reviews/1"))
    with pytest.raises(InvalidError, match="did not take back models:/text/second/1"):
        Cascades(context).plan(NEW, recall=recall, replaced=SECOND)
    with pytest.raises(NotFoundError):
        plan(context, "rec-00000000000000000000000000")


def test_what_was_made_from_a_version_that_another_one_replaces_is_made_again_from_that(context: Context) -> None:
    recalls = Recalls(context)
    told = recalls.open(NewRecall(OLD, Level.ADVISORY, "look")).recall.id
    wish = NewDisposition(Disposition.REPLACE, "as good", NEW)
    recalls.dispose(told, Reference.parse("models:/text/first/1"), wish)
    found = plan(context, told, Reference.parse("models:/library/base/2"))
    assert [str(one.old) for one in found.planned if one.waits_for] == []
    (second,) = (one for one in found.planned if one.old.name == SECOND.name)
    assert (second.generation, second.recipe["sources"]) == (1, [{"model": str(NEW), "as": "source"}])
    recalls.reverse(told, reason="seen")


def test_what_was_made_settles_the_tasks_and_the_recall_closes(context: Context, recall: str) -> None:
    recalls = Recalls(context)
    recalls.dispose(
        recall, Reference.parse("models:/text/third/1"), NewDisposition(Disposition.RETIRE, "nobody uses it")
    )
    found = plan(context, recall)
    left = {str(one.ref): one.reason for one in found.left_out}
    assert left["models:/text/third/1"] == "its task has the disposition retire"
    result = Cascades(context).run(found)
    made: dict[str, VersionRef | None] = {str(one.old): one.new for one in result.remade}
    assert len(made) == 3
    for old, new in made.items():
        assert new is not None, [one.note for one in result.remade]
        wish = NewDisposition(Disposition.RETRAIN, "made again", Reference.to(new))
        recalls.dispose(recall, Reference.parse(old), wish)
    assert recalls.show(recall).recall.state is RecallState.CLOSED


def test_a_recall_that_was_reversed_has_nothing_to_make_again(context: Context, recall: str) -> None:
    gone = Recalls(context).open(NewRecall("models:/library/base/2", Level.ADVISORY, "look")).recall.id
    with pytest.raises(InvalidError, match=f"library/base/2 is reached by {gone} too"):
        plan(context, gone, Reference.parse("models:/library/base/2"))
    Recalls(context).reverse(gone, reason="wrong")
    with pytest.raises(ConflictError, match="is reversed"):
        plan(context, gone)
