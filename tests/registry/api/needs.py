"""What each route that changes something needs: who may call it, and a body that it takes."""

from __future__ import annotations

from collections.abc import Mapping

from registry.services.governance.policies.stored import default_policy_text
from tests.contracts.verb_calls import CASES
from tests.registry.api.test_uploads import multipart

MODEL, VERSION = "/api/v1/models/{team}/{name}", "/api/v1/models/{team}/{name}/versions/{version}"
DATA = "/api/v1/datasets/{team}/{name}/versions/{version}"
DESCRIBING = {"task": "x", "modality": "image", "licence": "MIT", "origin": "internal", "description": ""}
RECIPE = "schema: forebear/recipe/v1\noutput: vision/new\nmethod: fine_tuning\nsource: models:/library/lite0/1\n"
RECIPE += "data: {train: datasets:/vision/digits/1}\n"
RECALL = {"target": "datasets:/vision/digits/1", "level": "advisory", "reason": "look"}
UPLOAD = ("upload", multipart([("a.txt", b"x")], {}))
OUTCOME: dict[str, object] = {
    **dict.fromkeys(("steps", "epochs", "trainable", "parameters", "resumed_from"), 1),
    **dict.fromkeys(("device", "precision", "architecture", "flops_method"), "x"),
    "hardware": {},
    "libraries": {},
    "device_seconds": 0.0,
    "flops": 0.0,
    "classes": [],
}
OUTPUT = ("upload", multipart([("a.txt", b"x")], OUTCOME))
RECORDED = {"output": "vision/own", "method": "fine_tuning", "inputs": [], "error": "It ended"}
NEEDS: Mapping[tuple[str, str], tuple[str, object]] = {
    ("post", MODEL): ("edit", {"description": "x"}),
    ("put", MODEL): ("edit", DESCRIBING),
    ("delete", MODEL): ("admin", None),
    ("patch", MODEL + "/tags"): ("edit", {"tags": {"a": "b"}}),
    ("post", MODEL + "/versions"): ("edit", UPLOAD),
    ("post", MODEL + "/versions/from-hub"): ("edit", {"source": "hf:acme/digits"}),
    ("post", MODEL + "/versions/from-tracking"): ("edit", {"source": "mlflow:track.example/runs/1f/model"}),
    ("put", MODEL + "/aliases/{alias}"): ("edit", {"version": 1}),
    ("delete", MODEL + "/aliases/{alias}"): ("edit", None),
    **{
        (method, f"/api/v1/{kind}/{{team}}/{{name}}/uploads{rest}"): ("edit", body)
        for kind in ("models", "datasets")
        for method, rest, body in (
            ("post", "", {"objects": []}),
            ("patch", "/{sha256}", None),
            ("delete", "/{sha256}", None),
        )
    },
    ("post", "/api/v1/drafts/{team}/{name}/register"): ("edit", {}),
    ("delete", "/api/v1/drafts/{team}/{name}"): ("edit", None),
    ("delete", VERSION): ("admin", None),
    ("post", VERSION + "/cards"): ("edit", {"text": "# x"}),
    ("post", VERSION + "/copies"): ("edit", {}),
    ("patch", VERSION + "/tags"): ("edit", {"tags": {"a": "b"}}),
    ("post", VERSION + "/deprecate"): ("edit", {"reason": "old"}),
    ("post", VERSION + "/archive"): ("edit", {"reason": "old"}),
    ("post", VERSION + "/suspend"): ("admin", {"reason": "look"}),
    ("post", VERSION + "/recall"): ("admin", {"reason": "wrong"}),
    ("post", VERSION + "/restore"): ("edit", {"reason": "right"}),
    ("post", VERSION + "/evidence"): ("edit", {"type": "other", "body": {"a": 1}}),
    ("post", "/api/v1/datasets/{team}/{name}/versions"): ("edit", UPLOAD),
    ("post", DATA + "/deprecate"): ("edit", {"reason": "old"}),
    ("post", DATA + "/archive"): ("edit", {"reason": "old"}),
    ("post", DATA + "/suspend"): ("admin", {"reason": "look"}),
    ("post", DATA + "/recall"): ("admin", {"reason": "wrong"}),
    ("post", DATA + "/restore"): ("edit", {"reason": "right"}),
    ("post", "/api/v1/lineage/checks"): ("edit", None),
    ("put", "/api/v1/people/{handle}/key"): ("edit", {"key": "0" * 64}),
    ("post", "/api/v1/lineage/marks"): ("edit", {"mark": "personal-data", "reason": "letters"}),
    ("post", "/api/v1/lineage/leakage/count"): ("edit", None),
    ("post", "/api/v1/lineage/compute"): ("edit", {"source": "card", "flop": 1e22}),
    ("post", "/api/v1/lineage/corrections"): (
        "edit",
        {"input": "models:/library/lite0/1", "reason": "wrong", "withdrawn": True},
    ),
    ("post", "/api/v1/lineage/corrections/{correction_id}/decision"): ("edit", {"agree": False, "comment": "no"}),
    ("post", "/api/v1/lineage/identify"): ("edit", UPLOAD),
    ("post", "/api/v1/recipes/check"): ("edit", RECIPE),
    ("post", "/api/v1/selections"): ("edit", {"dataset": "datasets:/no/data/1"}),
    ("post", "/api/v1/transfers"): ("edit", RECIPE),
    ("post", "/api/v1/transfers/take"): ("service", {"machine": "box", "adapters": ["torch"], "cpus": 8}),
    ("post", "/api/v1/transfers/{step}/report"): ("service", {}),
    ("post", "/api/v1/transfers/{step}/failure"): ("service", {"error": "It ended"}),
    ("post", "/api/v1/transfers/{step}/output"): ("service", OUTPUT),
    ("post", "/api/v1/transfers/recorded"): ("edit", RECORDED),
    ("post", "/api/v1/transfers/{step}/resume"): ("edit", None),
    ("post", "/api/v1/transfers/{step}/cancel"): ("edit", None),
    ("post", "/api/v1/promotions"): ("edit", {"reference": "models:/vision/digits/1", "to_stage": "candidate"}),
    ("post", "/api/v1/promotions/{request_id}/approve"): ("edit", {}),
    ("post", "/api/v1/promotions/{request_id}/reject"): ("edit", {"comment": "no"}),
    ("post", "/api/v1/promotions/{request_id}/overrule"): ("edit", {"comment": "no"}),
    ("post", "/api/v1/promotions/{request_id}/veto"): ("edit", {"comment": "no"}),
    ("post", "/api/v1/promotions/{request_id}/complete"): ("edit", None),
    ("post", "/api/v1/promotions/{request_id}/withdraw"): ("edit", None),
    ("post", "/api/v1/policy-proposals/{proposal_id}/approve"): ("edit", {}),
    ("post", "/api/v1/policy-proposals/{proposal_id}/reject"): ("edit", {"comment": "no"}),
    ("post", "/api/v1/waivers"): (
        "edit",
        {"reference": "models:/vision/digits/2", "gate": "no-worse", "reason": "r", "until": "2099-01-01"},
    ),
    ("post", "/api/v1/waivers/{waiver_id}/approve"): ("edit", {"comment": "yes"}),
    ("post", "/api/v1/waivers/{waiver_id}/end"): ("edit", {"comment": "no"}),
    ("post", "/api/v1/attestations"): ("edit", {"reference": "models:/vision/digits/2"}),
    ("post", "/api/v1/attestations/report"): (
        "edit",
        {"reference": "models:/vision/digits/2", "trigger": "drift_alert", "reason": "moved"},
    ),
    ("post", "/api/v1/rollbacks"): ("edit", {"reference": "models:/vision/digits/2", "comment": "slower"}),
    ("post", "/api/v1/emergencies"): (
        "edit",
        {"reference": "models:/vision/digits/2", "to_stage": "production", "incident": "I", "reason": "r"},
    ),
    ("post", "/api/v1/emergencies/{emergency_id}/agree"): ("edit", {"comment": "seen"}),
    ("post", "/api/v1/emergencies/{emergency_id}/review"): ("edit", {"comment": "seen"}),
    ("post", "/api/v1/tick"): ("edit", None),
    ("post", "/api/v1/findings"): (
        "edit",
        {"reference": "models:/vision/digits/1", "text": "t", "severity": "low", "owner": "dev", "due": "2099-01-01"},
    ),
    ("post", "/api/v1/findings/{finding_id}/resolve"): ("edit", {"comment": "done"}),
    ("post", "/api/v1/recalls"): ("admin", RECALL),
    ("post", "/api/v1/recalls/preview"): ("read", RECALL),
    ("post", "/api/v1/recalls/{recall_id}/tasks"): ("edit", {"kind": "dispute", "comment": "unaffected"}),
    ("post", "/api/v1/recalls/{recall_id}/tasks/confirm"): ("admin", None),
    ("post", "/api/v1/recalls/{recall_id}/reverse"): ("admin", {"reason": "wrong"}),
    ("post", "/api/v1/upstreams"): ("edit", {"reference": "models:/vision/digits/1", "source": "hf:acme/digits"}),
    ("post", "/api/v1/upstreams/check"): ("edit", {"answers": [{"id": "acme/digits", "gone": True}]}),
    ("post", "/api/v1/policies"): ("admin", default_policy_text()),
    ("post", "/api/v1/recalls/advisory"): ("read", "a" * 64),
    ("post", "/api/v1/policies/check"): ("read", default_policy_text()),
    ("post", "/api/v1/policies/test"): ("read", default_policy_text()),
    ("post", "/api/v1/policies/cases"): ("read", {"policy": default_policy_text(), "cases": CASES}),
    ("post", "/api/v1/policies/diff"): ("read", {"before": default_policy_text(), "after": default_policy_text()}),
    ("post", "/api/v1/store/check"): ("admin", None),
    ("post", "/api/v1/store/collect"): ("admin", None),
    ("post", "/api/v1/audit/checkpoints"): ("edit", None),
    ("post", "/api/v1/people"): ("admin", {"handle": "eve", "name": "Eve"}),
    ("post", "/api/v1/people/{handle}/roles/{role}/confirm"): ("edit", None),
    ("post", "/api/v1/people/{handle}/enrolment"): ("admin", None),
    ("post", "/api/v1/people/{handle}/enrolment/confirm"): ("edit", None),
    ("post", "/api/v1/people/{handle}/erasure"): ("admin", {"reason": "mine now"}),
    ("delete", "/api/v1/people/{handle}/erasure"): ("admin", None),
    ("put", "/api/v1/people/{handle}/same-as/{other}"): ("admin", None),
    ("put", "/api/v1/people/{handle}/roles/{role}"): ("admin", None),
    ("delete", "/api/v1/people/{handle}/roles/{role}"): ("admin", None),
    ("post", "/api/v1/teams/{team}/close"): ("admin", None),
    ("post", "/api/v1/teams/{team}/open"): ("admin", None),
    ("put", "/api/v1/teams/{team}/members/{handle}"): ("edit", {"level": "read"}),
    ("delete", "/api/v1/teams/{team}/members/{handle}"): ("edit", None),
    ("post", "/api/v1/webhooks"): ("admin", {"url": "https://93.184.215.14/hook", "events": ["*"]}),
    ("delete", "/api/v1/webhooks/{webhook_id}"): ("admin", None),
    ("post", "/api/v1/webhooks/{webhook_id}/resume"): ("admin", None),
    ("post", "/api/v1/webhooks/{webhook_id}/test"): ("admin", None),
    ("put", "/api/v1/people/{handle}/email"): ("admin", {"address": "eve@example.org"}),
    ("post", "/api/v1/people/{handle}/email/test"): ("admin", None),
    ("post", "/api/v1/people/{handle}/tokens"): ("admin", {"label": "mine now"}),
    ("delete", "/api/v1/people/{handle}/sessions"): ("admin", None),
    ("put", "/api/v1/people/{handle}/password"): ("admin", {"password": "heron kettle orbit", "proof": "fbr_x"}),
    ("delete", "/api/v1/people/{handle}/password"): ("admin", None),
    ("delete", "/api/v1/people/{handle}/identities"): ("admin", None),
    ("post", "/api/v1/me/token"): ("read", {"days": 3}),
    ("post", "/api/v1/device/{code}/allow"): ("own", None),
    ("post", "/api/v1/device/{code}/refuse"): ("own", None),
    ("post", "/api/v1/device"): ("nothing", {"machine": "x", "client": "x"}),
    ("post", "/api/v1/device/token"): ("nothing", {"device_code": "x"}),
    ("post", "/api/v1/sign-in/token"): ("nothing", {"handle": "ana", "password": "heron kettle", "label": "x"}),
    ("delete", "/api/v1/tokens/{token}"): ("own", None),
}
HOLDERS = {
    "read": ("ana", "ben", "dev", "vic"),
    "edit": ("ana", "ben", "dev"),
    "admin": ("ana",),
    "service": (),
    "own": ("ana",),
    "nothing": ("zed", "vic", "dev", "ben", "ana"),
}
