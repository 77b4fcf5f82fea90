"""What each verb needs in a closed team, and how its answer is covered. A verb without a rule is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from registry.domain.people.teams import Level


@dataclass(frozen=True, slots=True)
class Rule:
    """The level that is needed in the team of what a verb is about, and in those of whatever else it names."""

    level: Level = Level.READ
    others: Level = Level.READ
    makes: bool = False
    """It may make something under the first name: the team exists and is one that the person sees."""
    drops: bool = False
    """Lists in the answer leave out what is hidden; else it is covered."""
    raw: bool = False
    """The answer is given as it is: it names nothing, or nothing but what was asked about."""
    whole: bool = False
    """Only for who sees every team: the answer is about all of them and cannot be covered."""
    loads: bool = False
    """It loads the models that it names, adapters with what they are on: the person may read the files of all of it."""
    ancestry: bool = False
    """Only where the person sees every model and dataset that the version came from."""


SEE, LIST, VOTE = Rule(), Rule(drops=True), Rule()
"""Reading something; reading many things; deciding on something, which needs a role and no more than to see it."""
READ_BYTES = Rule(Level.USE, Level.USE, raw=True)
CHANGE = Rule(Level.CONTRIBUTE)
MAKE = Rule(Level.CONTRIBUTE, Level.USE, makes=True)
ALL, APART, RAW = Rule(whole=True), Rule(), Rule(raw=True)


def _of(**rules: tuple[Rule, str]) -> dict[str, Rule]:
    return {verb: rule for rule, verbs in rules.values() for verb in verbs.split()}


RULES: Mapping[str, Mapping[str, Rule]] = {
    "catalog": _of(
        make=(MAKE, "import_model create"),
        copy=(Rule(Level.CONTRIBUTE, Level.USE, makes=True, loads=True), "copy"),
        lists=(LIST, "search facets list_models list_versions"),
        words=(RAW, "spelling"),
        see=(SEE, "model versions version difference cards alias_history history"),
        read=(READ_BYTES, "open_file"),
        pull=(Rule(Level.USE, Level.USE, loads=True), "pull pull_plan given_file"),
        change=(CHANGE, "revise_card describe tag set_alias drop_alias set_status mark delete"),
    ),
    "datasets": _of(
        make=(MAKE, "add"),
        lists=(LIST, "search"),
        see=(SEE, "versions version"),
        read=(Rule(Level.USE), "look pull"),
    ),
    "transfers": _of(
        raw=(RAW, "recipe_schema"),
        recipe=(MAKE, "check submit"),
        record=(Rule(Level.CONTRIBUTE, Level.USE, makes=True, loads=True), "record"),
        see=(SEE, "verdict forgetting step news log"),
        read=(READ_BYTES, "answers read_input"),
        change=(CHANGE, "cancel"),
        load=(Rule(Level.CONTRIBUTE, loads=True), "measure_forgetting resume"),
        lists=(LIST, "search"),
    ),
    "work": _of(work=(Rule(Level.CONTRIBUTE, raw=True), "take rows report give_up hand_over")),
    "lineage": _of(
        see=(SEE, "show near path common relatives leakage leakage_count obligations marks compute notice checks"),
        change=(CHANGE, "verify declare_compute count_leakage"),
        impact=(RAW, "impact"),
        lists=(LIST, "identify affected every_affected"),
        export=(Rule(ancestry=True), "export"),
    ),
    "promotions": _of(
        see=(SEE, "evidence evidence_types options request_detail explain"),
        vote=(VOTE, "add_evidence approve reject veto complete withdraw overrule"),
        change=(CHANGE, "request"),
        lists=(LIST, "requests publish_policy policy_proposals policy_proposal vote_on_policy policy_reach"),
        everything=(ALL, "test_policy"),
        apart=(APART, "test_policy_cases diff_policies check_policy policy_history policies policy"),
    ),
    "reviews": _of(
        lists=(LIST, "inbox tick emergencies attestations report_for_attestation waivers findings"),
        see=(SEE, "as_of emergency waiver finding"),
        change=(CHANGE, "ask_for_waiver"),
        vote=(
            VOTE,
            "add_finding roll_back promote_in_emergency agree_to_emergency review_emergency attest approve_waiver"
            " end_waiver resolve_finding",
        ),
    ),
    "recalls": _of(
        lists=(LIST, "preview advisory list tasks downloads"),
        see=(SEE, "show"),
        change=(CHANGE, "dispose"),
        vote=(LIST, "open confirm reverse"),
    ),
    "corrections": _of(see=(SEE, "of show"), change=(CHANGE, "ask"), vote=(VOTE, "decide")),
    "upstreams": _of(lists=(LIST, "list check"), change=(CHANGE, "pin")),
    "reports": _of(lists=(LIST, "inventory named_then"), export=(Rule(ancestry=True), "annex_iv statement")),
    "selection": _of(
        use=(Rule(Level.USE, Level.USE, drops=True, loads=True), "recommend start compare"),
        lists=(LIST, "ranking report reports"),
        everything=(ALL, "backtest"),
    ),
    "drift": _of(change=(Rule(Level.CONTRIBUTE, Level.USE, loads=True), "check watch"), see=(SEE, "reports")),
    "cascades": _of(plan=(LIST, "plan"), run=(Rule(Level.USE, Level.CONTRIBUTE, drops=True, loads=True), "run")),
    "drafts": _of(
        lists=(LIST, "list"),
        make=(MAKE, "register begin commit"),
        change=(CHANGE, "show discard sent card"),
        raw=(RAW, "receive check_room epoch receive_xorb assemble check_card"),
    ),
    "uploads": _of(make=(Rule(Level.CONTRIBUTE, makes=True, raw=True), "standing append discard lay_out end")),
    "notifications": _of(
        apart=(
            LIST,
            "add_webhook webhooks webhook remove_webhook resume_webhook test_webhook deliveries address set_address"
            " test_mail mails deliver",
        )
    ),
    "people": _of(
        apart=(
            APART,
            "add search person grant offers confirm link set_key revoke erase withdraw_erasure create_token enrol"
            " confirm_enrolment tokens token revoke_token renew_token",
        )
    ),
    "teams": _of(apart=(RAW, "list show close open add_member remove_member")),
    "passwords": _of(apart=(RAW, "set of remove token begin")),
    "identities": _of(apart=(RAW, "bind begin of unbind")),
    "devices": _of(apart=(RAW, "begin poll show allow refuse")),
    "sessions": _of(apart=(RAW, "authenticate holder begin visit still prove end of end_all")),
    "audit": _of(
        lists=(LIST, "search"),
        apart=(APART, "verify checkpoint checkpoints"),
        raw=(RAW, "keys rotate_key verifier"),
        everything=(ALL, "export prove"),
    ),
    "store": _of(lists=(LIST, "verify last_check repair collect"), everything=(ALL, "stats")),
    "doctor": _of(apart=(LIST, "examine")),
    "backups": _of(apart=(APART, "create")),
}
"""By subject and verb."""
