"""Which addresses name something that a closed team can hide, how, and which level in it they need."""

from __future__ import annotations

from collections.abc import Mapping

from registry.domain.people.teams import Level

MODEL = "models:/vision/digits/2"
MORE = {
    "revision": "main", "path": "config.json", "reference": "1", "digest": "sha256:" + "0" * 64, "branch": "x",
    "number": "1", "sha256": "0" * 64, "version": "1", "ranking_id": "none", "vote": "approve", "deed": "approve",
    "report_id": "none",
}  # fmt: skip
"""What addresses need besides the name of something."""
READ = {
    **dict.fromkeys(("target", "reference", "other", "source", "against"), MODEL),
    "one": "models:/library/lite0/1", "alias": "champion", "at": "2099-11-29", "relation": "siblings",
    "format": "prov",
}  # fmt: skip
"""Parameters of routes of the API that only read."""
_MLFLOW = "/api/2.0/mlflow"
ASKED: Mapping[str, Mapping[str, str]] = {
    "/difference": {"one": MODEL, "other": "models:/library/lite0/1"},
    "/lineage": {"target": MODEL},
    "/drift": {"model": MODEL},
    "/corrections": {"reference": MODEL},
    "/cascade": {"parent": MODEL},
    "/as-of": {"reference": MODEL, "at": "2099-11-29"},
    "/annex-iv": {"reference": MODEL},
    "/start": {"data": "datasets:/vision/digits/1"},
    f"{_MLFLOW}/registered-models/get": {"name": "vision.digits"},
    f"{_MLFLOW}/registered-models/get-latest-versions": {"name": "vision.digits"},
    f"{_MLFLOW}/registered-models/alias": {"name": "vision.digits", "alias": "champion"},
    f"{_MLFLOW}/registered-models/search": {"filter": "name = 'vision.digits'"},
    f"{_MLFLOW}/model-versions/get": {"name": "vision.digits", "version": "1"},
    f"{_MLFLOW}/model-versions/get-download-uri": {"name": "vision.digits", "version": "1"},
    f"{_MLFLOW}/model-versions/search": {"filter": "name = 'vision.digits'"},
    "/api/2.0/mlflow-artifacts/artifacts": {"path": "vision.digits/1"},
    "/api/2.0/mlflow-artifacts/artifacts/{name}/{number}/{path:path}": {},
}
"""Parameters of pages and of other protocols."""
_VERSION = {"name": "vision.digits", "version": "1", "key": "a", "value": "b"}
BODIES: Mapping[tuple[str, str], Mapping[str, object]] = {
    ("POST", f"{_MLFLOW}/registered-models/create"): {"name": "vision.other"},
    ("PATCH", f"{_MLFLOW}/registered-models/update"): {"name": "vision.digits", "description": "x"},
    ("POST", f"{_MLFLOW}/registered-models/rename"): {"name": "vision.digits", "new_name": "vision.other"},
    ("DELETE", f"{_MLFLOW}/registered-models/delete"): {"name": "vision.digits"},
    ("POST", f"{_MLFLOW}/registered-models/get-latest-versions"): {"name": "vision.digits"},
    ("POST", f"{_MLFLOW}/registered-models/set-tag"): _VERSION,
    ("DELETE", f"{_MLFLOW}/registered-models/delete-tag"): _VERSION,
    ("POST", f"{_MLFLOW}/registered-models/alias"): {"name": "vision.digits", "alias": "x", "version": "1"},
    ("DELETE", f"{_MLFLOW}/registered-models/alias"): {"name": "vision.digits", "alias": "champion"},
    ("DELETE", f"{_MLFLOW}/model-versions/delete"): _VERSION,
    ("POST", f"{_MLFLOW}/model-versions/set-tag"): _VERSION,
    ("DELETE", f"{_MLFLOW}/model-versions/delete-tag"): _VERSION,
    ("PATCH", f"{_MLFLOW}/model-versions/update"): {**_VERSION, "description": "x"},
    ("POST", f"{_MLFLOW}/model-versions/transition-stage"): {**_VERSION, "stage": "Staging"},
    ("POST", f"{_MLFLOW}/model-versions/create"): {"name": "vision.digits", "source": "models:/vision.digits/1"},
    ("POST", "/api/repos/create"): {"name": "other", "organization": "vision", "type": "model"},
}
"""Bodies of other protocols that name something."""
SEEN_BY_ITS_DESCENDANTS = frozenset(
    f"{where}/recalls/{{recall_id}}{what}"
    for where in ("", "/api/v1")
    for what in ("", "/tasks", "/tasks/confirm", "/reverse", "/downloads")
)
"""A recall that reaches something that one sees is to be seen, whatever it took back."""
SEEN_BY_ADMINS = frozenset(
    f"/api/v1/teams/{{team}}{what}" for what in ("", "/close", "/open", "/members/{handle}")
)  # fmt: skip
"""An admin sees which teams there are and who manages them, and nothing that is in them."""
APART = frozenset(
    f"{method} {path}"
    for method, paths in {
        "DELETE": (
            "/api/v1/people/{handle}/password /api/v1/people/{handle}/identities "
            "/api/2.0/mlflow/webhooks/{webhook} /api/v1/people/{handle}/erasure "
            "/api/v1/people/{handle}/roles/{role} /api/v1/people/{handle}/sessions /api/v1/tokens/{token} "
            "/api/v1/webhooks/{webhook_id}"
        ),
        "GET": (
            "/api/v1/people/{handle}/identities /api/v1/people/{handle}/password /identities /password "
            "/device /api/v1/device/{code} "
            "/sign-in/provider /sign-in/provider/return "
            "/ /advisories /api /api/2.0/mlflow/webhooks /api/2.0/mlflow/webhooks/{webhook} "
            "/api/3.0/mlflow/server-info /api/datasets /api/models /api/v1/as-of/aliases /api/v1/attestations "
            "/api/v1/audit /api/v1/audit/checkpoints /api/v1/audit/export /api/v1/audit/keys /api/v1/audit/proof "
            "/api/v1/audit/verifier /api/v1/audit/verify /api/v1/datasets /api/v1/doctor /api/v1/drafts "
            "/api/v1/emergencies /api/v1/findings /api/v1/inbox /api/v1/inventory /api/v1/mails /api/v1/me "
            "/api/v1/models /api/v1/models/facets /api/v1/models/spelling /api/v1/openapi.json "
            "/api/v1/people /api/v1/people/{handle} "
            "/api/v1/people/{handle}/email /api/v1/people/{handle}/sessions /api/v1/people/{handle}/tokens "
            "/api/v1/policies /api/v1/policies/{name} /api/v1/policies/{name}/history "
            "/api/v1/policies/{name}/reach /api/v1/policy-proposals /api/v1/policy-proposals/{proposal_id} "
            "/api/v1/promotions /api/v1/recalls /api/v1/recipes/schema /api/v1/role-offers /api/v1/selections "
            "/api/v1/selections/backtest /api/v1/store/check /api/v1/store/stats /api/v1/teams /api/v1/tokens "
            "/api/v1/tokens/{token} /api/v1/transfers /api/v1/upstreams /api/v1/waivers "
            "/api/v1/webhook-deliveries /api/v1/webhooks /api/v1/webhooks/{webhook_id} /api/whoami-v2 "
            "/api/xet/{person}/{epoch}/v1/chunks/default/{hash} /audit /datasets /emergencies /findings /healthz "
            "/inbox /inbox/count /inventory /people /people/{handle}/sessions /policies /policies/{name} "
            "/promotions /recalls /selections /sign-in /static/ /steps /v2/ /waivers /webhooks"
        ),
        "HEAD": ("/api/v1/transfers/inputs/{reading}"),
        "PATCH": ("/api/2.0/mlflow/webhooks/{webhook}"),
        "POST": (
            "/api/v1/me/token /identities/unbind /device "
            "/api/v1/sign-in/token /sign-in/password /password /password/remove "
            "/device /api/v1/device /api/v1/device/token /api/v1/device/{code}/allow /api/v1/device/{code}/refuse "
            "/identities "
            "/advisories /api/2.0/mlflow/webhooks /api/2.0/mlflow/webhooks/{webhook}/test /api/lfs/{oid}/{size} "
            "/api/v1/audit/checkpoints /api/v1/lineage/identify /api/v1/people /api/v1/people/{handle}/email/test "
            "/api/v1/people/{handle}/enrolment /api/v1/people/{handle}/enrolment/confirm "
            "/api/v1/people/{handle}/erasure /api/v1/people/{handle}/roles/{role}/confirm "
            "/api/v1/people/{handle}/tokens /api/v1/policies /api/v1/policies/cases /api/v1/policies/check "
            "/api/v1/policies/diff /api/v1/policies/test /api/v1/policy-proposals/{proposal_id}/approve "
            "/api/v1/policy-proposals/{proposal_id}/reject /api/v1/recalls/advisory /api/v1/selections "
            "/api/v1/store/check /api/v1/store/collect /api/v1/tick /api/v1/transfers/take "
            "/api/v1/upstreams/check /api/v1/webhooks /api/v1/webhooks/{webhook_id}/resume "
            "/api/v1/webhooks/{webhook_id}/test /api/validate-yaml /api/xet/{person}/{epoch}/v1/shards "
            "/api/xet/{person}/{epoch}/v1/xorbs/default/{hash} /inbox /people/{handle}/sessions "
            "/people/{handle}/{role}/confirm /policies /policies/{proposal_id}/{vote} /sign-in /sign-out "
            "/webhooks /webhooks/{webhook_id}/{deed}"
        ),
        "PUT": (
            "/api/v1/people/{handle}/password "
            "/api/2.0/mlflow-artifacts/artifacts/uploads/{upload}/{path:path} /api/lfs/{oid}/{size} "
            "/api/lfs/{oid}/{size}/{number} /api/v1/people/{handle}/email /api/v1/people/{handle}/key "
            "/api/v1/people/{handle}/roles/{role} /api/v1/people/{handle}/same-as/{other}"
        ),
    }.items()
    for path in paths.split()
)
"""Addresses that name nothing that is in a team, or list all that one sees."""
_M, _V = "/api/v1/models/{team}/{name}", "/api/v1/models/{team}/{name}/versions/{version}"
_D = "/api/v1/datasets/{team}/{name}/versions/{version}"
_T = "/api/v1/transfers"
LEVELS: Mapping[tuple[str, str], Level] = {
    ("POST", _V + "/copies"): Level.USE,
    **dict.fromkeys(
        (("GET", one) for one in (
            _V + "/files/{path:path}", _V + "/pull", _D + "/files/{path:path}", _D + "/look", _D + "/pull",
            _T + "/{step}/answers", "/api/v1/transfers/inputs/{reading}",
        )),
        Level.USE,
    ),
    **dict.fromkeys((("HEAD", one + "/files/{path:path}") for one in (_V, _D)), Level.USE),
    **dict.fromkeys(
        (
            ("PUT", _M), ("DELETE", _M), ("PATCH", _M + "/tags"), ("PUT", _M + "/aliases/{alias}"),
            ("DELETE", _M + "/aliases/{alias}"), ("POST", _M),
            ("POST", _M + "/versions"), ("POST", _M + "/versions/from-hub"),
            ("POST", _M + "/versions/from-tracking"),
            ("DELETE", _V), ("PATCH", _V + "/tags"), ("POST", "/api/v1/datasets/{team}/{name}/versions"),
            *(("POST", one + what) for one in (_V, _D) for what in ("/deprecate", "/archive", "/restore")),
            ("POST", _V + "/cards"), ("POST", "/api/v1/drafts/{team}/{name}/register"),
            *(
                (method, f"/api/v1/{kind}/{{team}}/{{name}}/uploads{what}")
                for kind in ("models", "datasets")
                for method, what in (("POST", ""), *((one, "/{sha256}") for one in ("PATCH", "DELETE", "GET", "HEAD")))
            ),
            ("DELETE", "/api/v1/drafts/{team}/{name}"), ("GET", "/api/v1/drafts/{team}/{name}"),
            ("GET", "/api/v1/transfers/{step}/rows"),
            *(("POST", _T + what) for what in (
                "", "/recorded", "/{step}/report", "/{step}/failure", "/{step}/output", "/{step}/resume",
                "/{step}/cancel",
            )),
            ("POST", "/api/v1/recipes/check"),
            *(("POST", "/api/v1/lineage/" + what) for what in ("checks", "marks", "compute", "corrections")),
            ("POST", "/api/v1/lineage/leakage/count"),
            ("POST", "/api/v1/promotions"), ("POST", "/api/v1/waivers"), ("POST", "/api/v1/upstreams"),
            ("POST", "/api/v1/recalls/{recall_id}/tasks"),
        ),
        Level.CONTRIBUTE,
    ),
    **dict.fromkeys((("POST", one + what) for one in (_V, _D) for what in ("/suspend", "/recall")), Level.READ),
    **dict.fromkeys(
        (
            ("POST", _V + "/evidence"), ("POST", "/api/v1/findings"), ("POST", "/api/v1/findings/{finding_id}/resolve"),
            ("POST", "/api/v1/rollbacks"), ("POST", "/api/v1/emergencies"), ("POST", "/api/v1/attestations"),
            ("POST", "/api/v1/attestations/report"), ("POST", "/api/v1/recalls"), ("POST", "/api/v1/recalls/preview"),
            *(("POST", "/api/v1/promotions/{request_id}/" + what) for what in (
                "approve", "reject", "veto", "complete", "overrule", "withdraw",
            )),
            ("POST", "/api/v1/lineage/corrections/{correction_id}/decision"),
            *(("POST", "/api/v1/waivers/{waiver_id}/" + what) for what in ("approve", "end")),
            *(("POST", "/api/v1/emergencies/{emergency_id}/" + what) for what in ("agree", "review")),
            ("POST", "/api/v1/recalls/{recall_id}/tasks/confirm"), ("POST", "/api/v1/recalls/{recall_id}/reverse"),
            *(("POST", "/api/v1/teams/{team}/" + what) for what in ("close", "open")),
            ("PUT", "/api/v1/teams/{team}/members/{handle}"), ("DELETE", "/api/v1/teams/{team}/members/{handle}"),
        ),
        Level.READ,
    ),
}  # fmt: skip
"""The level that an address needs; READ for those that decide, where the role does the rest."""
