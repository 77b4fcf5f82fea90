"""The page of corrections: one is asked for, shown with what follows from it, and decided by somebody else."""

from __future__ import annotations

from lineage import Assurance
from tests.builders import add_version, dataset_ref, model_ref, store
from tests.serving import ServedRegistry, form_token

CHILD = "models:/vision/claimed/1"
PAGE = f"/corrections?reference={CHILD}"


def claimed(own_served: ServedRegistry) -> None:
    """A model of dev that was declared to come from research and from data."""
    context = own_served.family.registry("dev").context
    with context.open_uow(actor="dev", write=True) as uow:
        research = add_version(uow, "research/net", licence="CC-BY-NC-4.0")
        child = add_version(
            uow,
            "vision/claimed",
            by="dev",
            assurance=Assurance.DECLARED,
            parents=[model_ref("research/net/1")],
            data={"train": dataset_ref("vision/digits/1")},
        )
        for ref in (research, child):
            store(context.blobs, str(ref))
        uow.commit_unaudited()


def test_a_correction_is_asked_for_on_a_page_and_made_by_a_second_person(own_served: ServedRegistry) -> None:
    claimed(own_served)
    dev, ana = own_served.browser("dev"), own_served.browser("ana")
    csrf = form_token(dev.get(PAGE).text)
    form = {"reference": CHILD, "given": "models:/research/net/1 as source", "reason": "a <slip>", "csrf": csrf}
    refused = dev.post("/corrections", data=form | {"role": "train"})
    assert (refused.status_code, "A model cannot go in as" in refused.text) == (422, True)
    assert "a &lt;slip&gt;" in refused.text
    assert dev.post("/corrections", data=form | {"role": "withdrawn"}).status_code == 303
    shown = ana.get(PAGE).text
    assert "is to be withdrawn" in shown
    assert "It would not owe no-commercial-use any more" in shown
    assert f"Correction of {CHILD}" in ana.get("/inbox").text
    (waiting,) = own_served.client("ana").get("/api/v1/lineage/corrections", params={"target": CHILD}).json()
    decision = {"reference": CHILD, "comment": "seen", "csrf": form_token(dev.get(PAGE).text)}
    assert dev.post(f"/corrections/{waiting['id']}/agree", data=decision).status_code == 403
    decision["csrf"] = form_token(shown)
    assert ana.post(f"/corrections/{waiting['id']}/agree", data=decision).status_code == 303
    assert "made by ana" in ana.get(PAGE).text
    for bad in (f"{waiting['id']}/burn", "odd/agree"):
        assert ana.post(f"/corrections/{bad}", data=decision).status_code == 404
