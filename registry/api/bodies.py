"""What request bodies hold: small frozen values, read strictly by the codec (an unknown field is an error)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import DataFormat, LabelKind, SplitPlan
from registry.domain.drafts.uploads import Announced
from registry.domain.governance.reviews.findings import NewFinding, Severity
from registry.domain.governance.upstream import UpstreamNow
from registry.domain.names import Name, Reference
from registry.domain.people.people import Scope
from registry.domain.people.signing_in import TOKEN_DAYS
from registry.domain.people.teams import Level
from registry.domain.recipes.recipe import Method
from registry.domain.transfers.recorded import Environment, UsedInput
from registry.domain.transfers.steps import EpochMetric


@dataclass(frozen=True, slots=True)
class ToSend:
    """Objects that somebody wants to send in pieces."""

    objects: tuple[Announced, ...]


@dataclass(frozen=True, slots=True)
class ImportDetails:
    """The `details` of an upload that becomes a model version; the files beside it are the source."""

    architecture: str | None = None
    task: str | None = None
    modality: Modality | None = None
    licence: str | None = None
    origin: str | None = None
    description: str = ""
    card: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    parents: tuple[Reference, ...] = ()


@dataclass(frozen=True, slots=True)
class HubImport:
    """An import that the server fetches itself: `source` is a repository of its Hub, such as `hf:org/name@main`, or
    of a tracking server, such as `mlflow:HOST/runs/RUN/model`.
    """

    source: str
    architecture: str | None = None
    task: str | None = None
    modality: Modality | None = None
    licence: str | None = None
    description: str = ""
    card: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    parents: tuple[Reference, ...] = ()


@dataclass(frozen=True, slots=True)
class RecordedStep:
    """A transfer step that somebody's own program ran: as `details` of an upload, or with `error` as a JSON body."""

    output: Name
    method: Method
    inputs: tuple[UsedInput, ...]
    reading: str = ""
    parameters: Mapping[str, object] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    curve: tuple[EpochMetric, ...] = ()
    environment: Environment = field(default_factory=Environment)
    seconds: float = 0.0
    architecture: str | None = None
    task: str | None = None
    modality: Modality | None = None
    licence: str | None = None
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    error: str = ""


@dataclass(frozen=True, slots=True)
class RegisterDetails:
    """What is said of the version that is made of a draft; what is null is taken from its files and its card."""

    head: str | None = None
    alias: str | None = None
    number: int | None = None
    architecture: str | None = None
    task: str | None = None
    modality: Modality | None = None
    licence: str | None = None
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    parents: tuple[Reference, ...] | None = None


@dataclass(frozen=True, slots=True)
class DatasetDetails:
    """The `details` of an upload that becomes a dataset version."""

    task: str | None = None
    licence: str | None = None
    origin: str | None = None
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    split: SplitPlan = SplitPlan()
    label_column: str = "label"
    text_column: str = "text"
    format: DataFormat | None = None
    labels: LabelKind | None = None
    group_column: str | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """Which repository of the Hub a version was imported from, as `hf:org/name@commit`."""

    reference: Reference
    source: str


@dataclass(frozen=True, slots=True)
class UpstreamAnswers:
    """What repositories say of themselves now, by the names that they were asked for by."""

    answers: tuple[UpstreamNow, ...]


@dataclass(frozen=True, slots=True)
class ModelWords:
    """What the owner says of a registered model that has no version yet, and the name that it had before."""

    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    instead_of: Name | None = None


@dataclass(frozen=True, slots=True)
class CopyWords:
    """What a copy of a version has of its own; without a card it has that of the version."""

    card: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CardText:
    """A model card: Markdown with YAML front matter."""

    text: str


@dataclass(frozen=True, slots=True)
class TagValues:
    """Tags to set; null removes one."""

    tags: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class AliasTarget:
    """The version that an alias shall name."""

    version: int


@dataclass(frozen=True, slots=True)
class Reason:
    """Why."""

    reason: str


@dataclass(frozen=True, slots=True)
class WhyGivenUp:
    """Why a worker ends its step without an output."""

    error: str


@dataclass(frozen=True, slots=True)
class TwoPolicies:
    """Two policies as YAML text."""

    before: str
    after: str


@dataclass(frozen=True, slots=True)
class PolicyCases:
    """A policy and its cases, each as YAML text."""

    policy: str
    cases: str


@dataclass(frozen=True, slots=True)
class Comment:
    """What a voter has to say."""

    comment: str = ""


@dataclass(frozen=True, slots=True)
class Approval:
    """What a voter has to say, and the findings that the approval depends on; perhaps signed by the voter's key."""

    comment: str = ""
    conditions: tuple[NewFinding, ...] = ()
    signature: str = ""


@dataclass(frozen=True, slots=True)
class FindingWish:
    """A finding about a version. `due` is the last day to resolve it, as YYYY-MM-DD."""

    reference: Reference
    text: str
    severity: Severity
    owner: str
    due: str
    request: str | None = None


@dataclass(frozen=True, slots=True)
class WaiverWish:
    """A waiver of one gate for one version. `until` is its last day, as YYYY-MM-DD."""

    reference: Reference
    gate: str
    reason: str
    until: str


@dataclass(frozen=True, slots=True)
class Attest:
    """The version to approve again in its stage."""

    reference: Reference
    comment: str = ""


@dataclass(frozen=True, slots=True)
class AttestationReport:
    """What happened outside the registry to a version: `drift_alert` or `licence_changed`."""

    reference: Reference
    trigger: str
    reason: str


@dataclass(frozen=True, slots=True)
class RollBack:
    """The version to return to, or its model for the one before, and why."""

    reference: Reference
    comment: str


@dataclass(frozen=True, slots=True)
class InEmergency:
    """A promotion without votes."""

    reference: Reference
    to_stage: str
    incident: str
    reason: str


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """Which version shall move to which stage."""

    reference: Reference
    to_stage: str
    comment: str = ""


@dataclass(frozen=True, slots=True)
class NewEvidence:
    """Evidence as JSON facts. With a file, this is the `details` of the upload."""

    type: str
    body: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NewPerson:
    """Someone who may sign in; a `service` may work but its votes never count."""

    handle: str
    name: str
    service: bool = False


@dataclass(frozen=True, slots=True)
class ErasureWish:
    """Why a person is to be erased; who confirms it need not say."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class AddressWish:
    """Where a person is told by e-mail; empty for nowhere."""

    address: str


@dataclass(frozen=True, slots=True)
class WebhookWish:
    """Where events are sent, and which: actions of the audit log, `scope.*` or `*`."""

    url: str
    events: tuple[str, ...] = ("*",)


@dataclass(frozen=True, slots=True)
class KeyWish:
    """The public Ed25519 key that somebody signs with, in hexadecimal."""

    key: str


@dataclass(frozen=True, slots=True)
class PasswordWish:
    """A new password, and a fresh sign-in: a token without a limit, or the password before.

    Tokens stay valid; with `revoke_tokens` all end but the one that asks.
    """

    password: str = field(repr=False)
    proof: str = field(repr=False)
    revoke_tokens: bool = False


@dataclass(frozen=True, slots=True)
class DevicePoll:
    """The code that a machine keeps to itself."""

    device_code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PasswordSignIn:
    """Who signs in with which password, and the token that they want for it."""

    handle: str
    password: str = field(repr=False)
    label: str
    scope: Scope = Scope.CONTRIBUTE
    days: int = TOKEN_DAYS


@dataclass(frozen=True, slots=True)
class TokenWish:
    """What a new token is for, for how long, and the most that it allows: of teams, or of one transfer step."""

    label: str
    days: int = 90
    scope: Scope = Scope.ADMIN
    teams: tuple[str, ...] = ()
    step: str = ""


@dataclass(frozen=True, slots=True)
class RenewalWish:
    """How long the new token lasts, from now."""

    days: int = 90


@dataclass(frozen=True, slots=True)
class LevelWish:
    """What somebody may do in a closed team."""

    level: Level
