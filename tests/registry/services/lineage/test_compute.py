"""How much compute went into a version: measured by steps, declared of imports, unknown where nobody said it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from registry.domain.catalog.compute import ComputeReport, NewCompute
from registry.domain.governance.promotion import Verdict
from registry.domain.names import Reference, VersionRef
from registry.domain.recipes.recipe import Method
from registry.errors import BadReferenceError, InvalidError, PermissionDeniedError
from registry.services.audit.verbs import Audit
from registry.services.governance.dossier import case_for, open_dossier
from registry.services.lineage.verbs import Lineage
from tests.builders import digest
from tests.registry.policy_cases import policy
from tests.registry.services.teams import Team, ref_of

PAGE = Path(__file__).parents[4] / "docs" / "policies.md"
"""Its gates are judged here."""


def documented_gates() -> str:
    block = PAGE.read_text(encoding="utf-8").partition("### Compute and GPAI")[2]
    return block.partition("```yaml\n")[2].partition("```")[0]


def measured(team: Team, ref: VersionRef, flops: float, method: str = "counted") -> VersionRef:
    """`ref`, whose step counted its operations."""
    with team.open_uow(actor="ana", write=True) as uow:
        version = uow.catalog.version(ref)
        assert version is not None
        body = json.dumps({"flops": {"estimate": flops, "method": method}}).encode()
        uow.steps.set_manifest(version.step, body, digest(version.step + "again"))
        uow.commit_unaudited()
    return ref


def declare(
    team: Team, ref: VersionRef, who: str = "ben", *, flop: float | None = None, gpai: bool | None = None
) -> ComputeReport:
    return Lineage(team.context(who)).declare_compute(ref_of(ref), NewCompute("model card", flop, gpai))


def compute(team: Team, ref: VersionRef) -> ComputeReport:
    return Lineage(team.context("guest")).compute(ref_of(ref))


def family(team: Team) -> tuple[VersionRef, VersionRef, VersionRef]:
    """An import, two models made from it that share a step, and one merged from both."""
    base = team.publish("library/net", method=Method.IMPORT, accuracy=None)
    first = measured(team, team.publish("vision/first", parents=[base]), 2e22)
    second = measured(team, team.publish("vision/second", parents=[first]), 1e22)
    return base, first, measured(team, team.publish("vision/digits", parents=[first, second]), 0.0)


def judged(team: Team, ref: VersionRef, **duties: bool) -> Verdict:
    """The gates of the documentation, on a version."""
    gates = yaml.safe_load(documented_gates())
    written = ", ".join(json.dumps(gate) for gate in gates)
    changes = [("gates: [{id: licence-known", f"gates: [{written}, {{id: licence-known")]
    changes += [("stages:", f"separation_of_duties: {json.dumps(duties)}\nstages:")] if duties else []
    rules = policy(*changes)
    with team.open_uow(actor="ana") as uow:
        dossier = open_dossier(uow, ref, requested_by="dora")
        return rules.judge(case_for(dossier, rules, target="candidate", now=team.clock.now()))


def gates(verdict: Verdict) -> dict[str, bool]:
    return {one.id: one.passed for one in verdict.checks if one.id.startswith("gpai")}


def test_steps_add_up_once_and_are_compared_with_what_was_declared_of_the_base(team: Team) -> None:
    base, first, merged = family(team)
    before = compute(team, merged)
    assert before.modification == pytest.approx(3e22)
    assert (before.share, before.base_is_gpai) == (None, None)
    assert before.missing == ("nobody recorded how much compute the training of library/net/1 took",)
    declare(team, base, flop=1.2e23)
    found = compute(team, merged)
    assert found.share == pytest.approx(0.25)
    assert (found.base_is_gpai, found.missing) == (True, ())
    assert [(one.model, one.measured, one.declared_by) for one in found.bases] == [("library/net/1", False, "ben")]
    assert [(one.model, one.flop) for one in found.steps] == [
        ("vision/first/1", 2e22),
        ("vision/second/1", 1e22),
        ("vision/digits/1", 0.0),
    ]
    assert (compute(team, base).modification, compute(team, base).share) == (0.0, 0.0)
    declare(team, first, flop=3e18)
    assert Audit(team.context("root")).verify(state=True).differences == (), "a figure that the log writes without e"
    declare(team, base, flop=5e22)
    assert compute(team, first).share == pytest.approx(0.4)
    assert compute(team, first).base_is_gpai is False
    assert team.actions(str(base)).count("compute.declared") == 2
    assert Audit(team.context("root")).verify(state=True).differences == ()


def test_a_gpai_model_without_a_figure_is_compared_with_the_threshold(team: Team) -> None:
    base, _, merged = family(team)
    assert declare(team, base, gpai=True).base_is_gpai is True
    assert compute(team, merged).share == pytest.approx(0.3)
    declare(team, base, gpai=False)
    assert (compute(team, merged).share, compute(team, merged).base_is_gpai) == (None, False)


def test_the_gates_of_the_documentation_deny_what_nobody_recorded_with_a_sentence(team: Team) -> None:
    base, _, merged = family(team)
    denied = judged(team, merged)
    assert gates(denied) == {"gpai-known": False, "gpai-share": False}
    assert any("nobody recorded how much compute the training of library/net/1 took" in why for why in denied.reasons)
    declare(team, base, flop=1.2e23)
    assert gates(judged(team, merged)) == {"gpai-known": True, "gpai-share": True}
    declare(team, base, flop=1e22)
    assert gates(judged(team, merged)).get("gpai-share", True), "the base is no GPAI model, so nothing is asked"
    declare(team, base, flop=1e22, gpai=True)
    assert gates(judged(team, merged)) == {"gpai-known": True, "gpai-share": False}


def test_who_made_the_version_is_not_believed_about_its_base_by_any_account(team: Team) -> None:
    base, _, merged = family(team)
    declare(team, base, "ana", flop=1e29)
    denied = judged(team, merged)
    assert gates(denied) == {"gpai-known": False, "gpai-share": False}
    assert any("(ana did, and had a hand in the version that is judged)" in why for why in denied.reasons)
    assert gates(judged(team, merged, no_self_approval=False))["gpai-share"]
    team.people("root").link("dora", "ana")
    declare(team, base, "dora", flop=1e29)
    assert not gates(judged(team, merged))["gpai-share"]
    declare(team, base, "ben", flop=1.2e23)
    assert gates(judged(team, merged))["gpai-share"]


def test_a_step_that_measured_nothing_leaves_the_whole_unknown_until_somebody_says_it(team: Team) -> None:
    base = team.publish("library/net", method=Method.IMPORT, accuracy=None)
    tuned = team.publish("library/tuned", method=Method.IMPORT, parents=[base], accuracy=None)
    child = measured(team, team.publish("vision/digits", parents=[tuned]), 1e20)
    uncounted = measured(team, team.publish("vision/other", parents=[tuned]), 0.0, "none")
    declare(team, base, flop=1e24)
    assert compute(team, child).missing == (
        "the step that made library/tuned/1 did not measure its compute, and nobody declared it",
    )
    declare(team, tuned, flop=1e22)
    assert compute(team, child).share == pytest.approx(0.0101)
    assert compute(team, uncounted).share is None
    declare(team, child, flop=1e10)
    assert compute(team, child).share == pytest.approx(0.0101), "what was measured is not declared otherwise"


def test_what_is_no_declaration_is_refused(team: Team) -> None:
    base = team.publish("library/net", method=Method.IMPORT, accuracy=None)
    for flop in (None, 0.0, float("nan"), float("inf"), -1.0, 1e31):
        with pytest.raises(InvalidError):
            declare(team, base, flop=flop)
    with pytest.raises(InvalidError, match="The source is empty"):
        Lineage(team.context("ben")).declare_compute(ref_of(base), NewCompute(" ", 1e22))
    with pytest.raises(PermissionDeniedError):
        declare(team, base, "guest", flop=1e22)
    data = team.add_data()
    with pytest.raises(BadReferenceError):
        Lineage(team.context("ben")).compute(Reference.to(data))
