"""Settings: the environment variables `FOREBEAR_*`, read once, each with a default that works."""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from registry.errors import UsageError
from registry.limits import DEFAULT, DataLimits

_LIMITS = [one.name for one in fields(DataLimits)]


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings. Field names are the variables' names without `FOREBEAR_`, in lower case."""

    home: Path | None = None
    """The folder of the registry; None: `./.forebear` of this folder or a parent, else `~/.forebear`."""
    actor: str | None = None
    """Who acts in a registry folder on the own disk; None: the user of the operating system."""
    url: str | None = None
    """The server that commands use, by its address or the name that `forebear login` gave it; None: a folder."""
    token: str | None = field(default=None, repr=False)
    """The token for that server; None: the one that `forebear login` has kept."""
    allow_http: bool = False
    """Whether the token may go over the network without encryption."""
    database_url: str | None = None
    """A SQLAlchemy URL; None: the SQLite file `registry.db` in the registry folder."""
    mlflow_uri: str | None = None
    """MLflow tracking URI that steps are copied to; None: `mlflow.db` in the registry folder; `off`: no copy."""
    threads: int = 0
    """CPU threads of a transfer step; 0: all cores that this process may use."""
    device: str = "auto"
    """`auto`, `cpu`, `cuda` or `cuda:N`."""
    engine: str = "local"
    """What starts the workers of transfer steps: `local` (this machine), or another installed engine."""
    allowed_hosts: tuple[str, ...] = ("127.0.0.1", "localhost")
    """Host headers that the server answers to."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses or networks of reverse proxies whose X-Forwarded-For and X-Forwarded-Proto are believed."""
    max_connections: int = 1000
    """Connections that the server keeps open at once; it answers 503 to more."""
    rate_token: int = 12_000
    """Requests a minute with one token; 0: no limit."""
    rate_person: int = 24_000
    """Requests a minute of one person, whatever tokens they have; 0: no limit."""
    rate_address: int = 48_000
    """Requests a minute from one address, whoever asks; 0: no limit."""
    header_seconds: int = 10
    """Seconds within which the header of a request must have come; then the server closes the connection."""
    body_seconds: int = 30
    """Seconds that the server waits for the next part of a request's body, and for all of it besides a second
    for each 500 bytes; then it answers 408."""
    max_upload: int = 16 * 1024**3
    """Largest upload in bytes that the server accepts."""
    import_memory: int = 0
    """Memory limit in bytes of the converting subprocess; 0: 2 GiB and six times the size of the source."""
    import_seconds: int = 600
    """Time limit of the converting subprocess."""
    data_memory: int = DEFAULT.memory
    """Memory limit in bytes of the subprocess that reads a dataset; 0: 448 MiB and 40 times the size of its files, at
    most a third of the machine's memory."""
    data_seconds: int = DEFAULT.seconds
    """Time limit of that subprocess; 0: 60 seconds, and one for each 2 MB of the files."""
    data_files: int = DEFAULT.files
    """Files and folders of a dataset."""
    data_rows: int = DEFAULT.rows
    """Rows of a dataset."""
    data_cell: int = DEFAULT.cell
    """Characters of one text of a dataset."""
    data_classes: int = DEFAULT.classes
    """Different classes, or tags, of a dataset."""
    data_pixels: int = DEFAULT.pixels
    """Pixels of one picture of a dataset."""
    data_expansion: int = DEFAULT.expansion
    """How many times the size of its files a dataset may unpack to, beyond 128 Mi."""
    checkpoint_entries: int = 1000
    """New entries of the audit log after which a checkpoint is signed; 0: never for that reason."""
    checkpoint_minutes: int = 5
    """Minutes after which the next change signs a checkpoint; 0: never for that reason."""
    checkpoint_anchors: tuple[Path, ...] = ()
    """Files and folders outside the registry folder that checkpoints are written to as well."""
    hub_unapproved: bool = False
    """Whether clients of the Hugging Face Hub and of MLflow are also given model versions that nobody has approved."""
    hub_url: str | None = None
    """The Hub that `hf:ORG/NAME` is fetched from, such as https://huggingface.co; None: nothing is fetched."""
    hub_hosts: tuple[str, ...] = ()
    """Further hosts that its files may come from: HOST, or HOST:PORT for an unusual port."""
    hub_private_hosts: tuple[str, ...] = ()
    """Hosts of these whose address may be one of the own network, and which may be asked without encryption."""
    hub_token: str | None = field(default=None, repr=False)
    """The token that is sent to that Hub, and to no other host; None: none is."""
    tracking_urls: tuple[str, ...] = ()
    """The MLflow tracking servers that logged models are fetched from; none: nothing is fetched."""
    tracking_private_hosts: tuple[str, ...] = ()
    """Hosts of these whose address may be one of the own network, and which may be asked without encryption."""
    tracking_tokens: Mapping[str, str] = field(default_factory=dict, repr=False)
    """By host, and port where it is unusual, the token or USER:PASSWORD that is sent to that server."""
    drafts: int = 50
    """Drafts that one person may have begun."""
    draft_days: int = 14
    """Days after which a draft that nobody changed, and bytes that no draft names, are removed."""
    draft_bytes: int = 64 * 1024**3
    """Bytes that one person may have sent for drafts that are not registered."""
    timestamp_url: str | None = None
    """Address of a timestamp authority (RFC 3161) that is asked about the newest checkpoint; None: nobody is asked."""
    timestamp_roots: Path | None = None
    """PEM file with the certificates that the timestamps have to lead to; without it they are not verified."""
    webhook_hosts: tuple[str, ...] = ()
    """Hosts that webhooks may be sent to although their address is not one of the internet, or without encryption."""
    webhook_keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    """By host, the key that is sent along (`Authorization: Bearer`) with what webhooks send there."""
    smtp_url: str | None = field(default=None, repr=False)
    """The mail server, as smtp://USER:PASSWORD@HOST:PORT (STARTTLS) or smtps://…; None: no e-mail is sent."""
    mail_from: str = ""
    """The address that e-mail comes from."""
    public_url: str = ""
    """The address that people reach the server by, for links in e-mail."""
    passwords: bool = False
    """Whether people may set a password and sign in with it (extra passwords)."""
    oidc_issuer: str = ""
    """The issuer of the identity provider that people sign in by (extra oidc); empty: nobody does."""
    oidc_client: str = ""
    """The client id that the provider knows this server by."""
    oidc_secret_file: Path | None = None
    """File with the secret of that client; None for a client without one."""
    oidc_name: str = "your organisation"
    """What the sign-in page calls the provider."""
    oidc_scopes: str = "openid profile"
    """The scopes that the provider is asked for."""
    oidc_algorithms: tuple[str, ...] = ("RS256", "ES256", "EdDSA")
    """Signatures that ID tokens may have."""
    oidc_groups_claim: str = "groups"
    """The claim of ID tokens with the groups of a person."""
    oidc_roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Groups, and the roles that they give."""
    oidc_deciding_groups: tuple[str, ...] = ()
    """Groups that give roles that decide without a second person."""
    oidc_new_people: bool = False
    """Whether somebody whom the provider signs in, and nobody here knows, gets an account."""
    oidc_private: bool = False
    """Whether the provider's host may have an address of the own network, and be asked without encryption."""
    session_idle_minutes: int = 60
    """Minutes without a request after which a browser has to sign in again; judged to a twelfth of them."""
    session_hours: int = 12
    """Hours after which a browser has to sign in again, used or not."""
    secret: str | None = field(default=None, repr=False)
    """Key that the tokens of forms and the secrets of webhooks are made from; None: one is created and kept in the
    registry folder."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Raises: UsageError when a variable cannot be read."""
        env = os.environ if environment is None else environment

        def text(name: str) -> str | None:
            return env.get(f"FOREBEAR_{name}") or None

        def number(name: str, default: int, *, least: int = 0) -> int:
            value = text(name)
            if value is None:
                return default
            if not value.isdecimal():
                raise UsageError(f"FOREBEAR_{name} must be a whole number, not {value!r}", remedy="Change or unset it")
            if int(value) < least:
                raise UsageError(f"FOREBEAR_{name} must be at least {least}, not {value}", remedy="Change or unset it")
            return int(value)

        def words(name: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
            found = tuple(filter(None, (one.strip() for one in (text(name) or "").split(","))))
            return found or default

        home, roots, anchors = text("HOME"), text("TIMESTAMP_ROOTS"), text("CHECKPOINT_ANCHORS")
        secret_file, algorithms = text("OIDC_SECRET_FILE"), text("OIDC_ALGORITHMS")
        return cls(
            home=Path(home).expanduser() if home else None,
            actor=text("ACTOR"),
            url=text("URL"),
            token=text("TOKEN"),
            allow_http=bool(number("ALLOW_HTTP", 0)),
            database_url=text("DATABASE_URL"),
            mlflow_uri=text("MLFLOW_URI"),
            threads=number("THREADS", 0),
            device=text("DEVICE") or "auto",
            engine=text("ENGINE") or "local",
            allowed_hosts=words("ALLOWED_HOSTS", cls().allowed_hosts),
            trusted_proxies=words("TRUSTED_PROXIES"),
            max_connections=number("MAX_CONNECTIONS", cls().max_connections),
            rate_token=number("RATE_TOKEN", cls().rate_token),
            rate_person=number("RATE_PERSON", cls().rate_person),
            rate_address=number("RATE_ADDRESS", cls().rate_address),
            header_seconds=number("HEADER_SECONDS", cls().header_seconds),
            body_seconds=number("BODY_SECONDS", cls().body_seconds),
            max_upload=number("MAX_UPLOAD", cls().max_upload),
            import_memory=number("IMPORT_MEMORY", 0),
            import_seconds=number("IMPORT_SECONDS", 600),
            **{f"data_{name}": number(f"DATA_{name.upper()}", getattr(DEFAULT, name)) for name in _LIMITS},
            checkpoint_entries=number("CHECKPOINT_ENTRIES", cls().checkpoint_entries),
            checkpoint_minutes=number("CHECKPOINT_MINUTES", cls().checkpoint_minutes),
            checkpoint_anchors=tuple(Path(a).expanduser() for a in anchors.split(os.pathsep)) if anchors else (),
            hub_unapproved=bool(number("HUB_UNAPPROVED", 0)),
            hub_url=text("HUB_URL"),
            hub_hosts=words("HUB_HOSTS"),
            hub_private_hosts=words("HUB_PRIVATE_HOSTS"),
            hub_token=text("HUB_TOKEN"),
            tracking_urls=words("TRACKING_URLS"),
            tracking_private_hosts=words("TRACKING_PRIVATE_HOSTS"),
            tracking_tokens=_pairs("TRACKING_TOKENS", text("TRACKING_TOKENS") or ""),
            drafts=number("DRAFTS", cls().drafts),
            draft_days=number("DRAFT_DAYS", cls().draft_days),
            draft_bytes=number("DRAFT_BYTES", cls().draft_bytes),
            timestamp_url=text("TIMESTAMP_URL"),
            timestamp_roots=Path(roots).expanduser() if roots else None,
            webhook_hosts=words("WEBHOOK_HOSTS"),
            webhook_keys=_pairs("WEBHOOK_KEYS", text("WEBHOOK_KEYS") or ""),
            smtp_url=text("SMTP_URL"),
            mail_from=text("MAIL_FROM") or "",
            public_url=text("PUBLIC_URL") or "",
            passwords=bool(number("PASSWORDS", 0)),
            oidc_issuer=text("OIDC_ISSUER") or "",
            oidc_client=text("OIDC_CLIENT") or "",
            oidc_secret_file=Path(secret_file).expanduser() if secret_file else None,
            oidc_name=text("OIDC_NAME") or cls().oidc_name,
            oidc_scopes=text("OIDC_SCOPES") or cls().oidc_scopes,
            oidc_algorithms=tuple(a.strip() for a in algorithms.split(",")) if algorithms else cls().oidc_algorithms,
            oidc_groups_claim=text("OIDC_GROUPS_CLAIM") or cls().oidc_groups_claim,
            oidc_roles=_groups(text("OIDC_ROLES") or ""),
            oidc_deciding_groups=tuple(
                filter(None, (g.strip() for g in (text("OIDC_DECIDING_GROUPS") or "").split(";")))
            ),
            oidc_new_people=bool(number("OIDC_NEW_PEOPLE", 0)),
            oidc_private=bool(number("OIDC_PRIVATE", 0)),
            session_idle_minutes=number("SESSION_IDLE_MINUTES", cls().session_idle_minutes, least=1),
            session_hours=number("SESSION_HOURS", cls().session_hours, least=1),
            secret=text("SECRET"),
        )

    @property
    def data_limits(self) -> DataLimits:
        """The limits on reading one dataset."""
        return DataLimits(**{name: getattr(self, f"data_{name}") for name in _LIMITS})

    def find_home(self, start: Path) -> Path:
        """The registry folder: the one that is set, else `.forebear` in `start` or a parent, else `~/.forebear`."""
        return self.home or near_home(start) or Path.home() / ".forebear"

    def acting(self) -> str:
        """The handle of the person who acts. Raises: UsageError when the operating system does not name the user."""
        if self.actor is not None:
            return self.actor
        try:
            return getpass.getuser().lower()
        except (KeyError, OSError) as error:  # a container's user number without a name
            raise UsageError(
                "The operating system has no name for this user", remedy="Name one with --as or FOREBEAR_ACTOR"
            ) from error


def near_home(start: Path) -> Path | None:
    """The folder `.forebear` in `start` or in a parent, if there is one."""
    return next((one / ".forebear" for one in (start, *start.parents) if (one / ".forebear").is_dir()), None)


def _pairs(name: str, text: str) -> dict[str, str]:
    """`a=x,b=y` as a dictionary. Raises: UsageError, without the text: it may hold a secret."""
    found = {}
    for one in filter(None, text.split(",")):
        key, equals, value = (part.strip() for part in one.partition("="))
        if not (key and equals and value):
            raise UsageError(f"FOREBEAR_{name} must be written as host=key,host=key", remedy="Change or unset it")
        found[key.lower()] = value
    return found


def _groups(text: str) -> dict[str, tuple[str, ...]]:
    """`a=x,y;CN=b,OU=c=z` as the roles of each group, which may hold commas and equal signs. Raises: UsageError."""
    found = {}
    for one in filter(None, (part.strip() for part in text.split(";"))):
        group, _, roles = (part.strip() for part in one.rpartition("="))
        if not (group and roles):
            raise UsageError("FOREBEAR_OIDC_ROLES must be written as group=role,role;group=role", remedy="Change it")
        found[group] = tuple(role.strip() for role in roles.split(","))
    return found
