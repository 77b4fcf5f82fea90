"""Passwords, keys and tokens in text: found by their form, by the name beside them, and by how random they look.

What is stored is read by many, kept for years and copied by exports, so a credential is refused where people write, and
replaced by a word where a program wrote (an error, a log, the environment of a run). Random text without such a name is
not one: digests, ids and pictures look the same. The forms are those that vendors publish for secret scanners.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from registry.errors import CredentialError

START, END = r"(?<![A-Za-z0-9])", r"(?![A-Za-z0-9])"
SHORTEST = 15
"""Characters of the shortest text that has the form of a credential."""
LONGEST = 512
"""Characters of one credential that are looked at: patterns without an end would take quadratic time."""


@dataclass(frozen=True, slots=True)
class Form:
    """How one kind of credential is written. `markers`: text that holds none of them holds no such credential."""

    kind: str
    markers: tuple[str, ...]
    pattern: str
    random: bool = False
    """Whether group 1 must look random too, because words can have this form."""


_PEM = (
    r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
    r"[\sA-Za-z0-9+/=]{0,9000}(?:-----END[^-]{0,60}-----)?"
)
"""With all of the key, so that none of it is left when it is removed."""
FORMS = (
    Form("a Forebear token", ("fbr_",), "fbr_[0-9A-Za-z]{38}"),
    Form("a Hugging Face token", ("hf_", "api_org_"), "(?:hf|api_org)_[A-Za-z0-9]{30,64}" + END),
    Form("an API key (sk-…)", ("sk-",), "sk-(?:ant|proj|or|svcacct|admin|lf)-[A-Za-z0-9_-]{20,200}"),
    Form("an API key (sk-…)", ("sk-",), "sk-([A-Za-z0-9_-]{20,200})", random=True),
    Form("an AWS access key", ("AKIA", "ASIA", "ABIA", "ACCA"), "(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}" + END),
    Form("a GitHub token", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), "gh[pousr]_[A-Za-z0-9]{36,255}"),
    Form("a GitHub token", ("github_pat_",), "github_pat_[A-Za-z0-9_]{22,255}"),
    Form("a GitLab token", ("gl",), "gl(?:pat|dt|rt|ptt|ft|soat|imt|agent|cbt|oas)-[A-Za-z0-9_-]{20,200}"),
    Form("a Bitbucket or Atlassian token", ("ATATT3", "ATBB"), "(?:ATATT3|ATBB)[A-Za-z0-9_=-]{20,300}"),
    Form("a Slack token", ("xox", "xapp-"), "(?:xox[abeoprs]|xapp)-[A-Za-z0-9-]{10,250}"),
    Form("a webhook address", ("hooks.slack.com", "discord"), r"hooks\.slack\.com/services/T[\w/]{20,100}"),
    Form("a webhook address", ("/api/webhooks/",), r"/api/webhooks/[0-9]{15,25}/[\w-]{50,100}"),
    Form("a Telegram token", (":AA",), "[0-9]{8,10}:AA[A-Za-z0-9_-]{33}" + END),
    Form("a Google key", ("AIza",), "AIza[A-Za-z0-9_-]{35}" + END),
    Form("a Google secret", ("GOCSPX-", "ya29."), "(?:GOCSPX-[A-Za-z0-9_-]{20,40}|ya29\\.[A-Za-z0-9_-]{20,300})"),
    Form("a Stripe key", ("k_live_", "k_test_"), "[rsp]k_(?:live|test)_[A-Za-z0-9]{16,255}"),
    Form("an npm token", ("npm_",), "npm_[A-Za-z0-9]{36}" + END),
    Form("a token of a package index", ("pypi-Ag",), "pypi-Ag[A-Za-z0-9_-]{50,300}"),
    Form("a Docker token", ("dckr_",), "dckr_(?:pat|oat)_[A-Za-z0-9_-]{20,100}"),
    Form("a SendGrid key", ("SG.",), r"SG\.[\w-]{16,32}\.[\w-]{16,64}"),
    Form("a Mailgun key", ("key-",), "key-[0-9a-f]{32}" + END),
    Form("a Databricks token", ("dapi",), "dapi[0-9a-f]{32}" + END),
    Form("a DigitalOcean token", ("do",), "do[por]_v1_[0-9a-f]{64}"),
    Form("a Weights & Biases key", ("wandb",), "wandb(?:_v1_[A-Za-z0-9_]{20,200}|[ ]+login[ ]+[0-9a-f]{40})"),
    Form("a Replicate token", ("r8_",), "r8_[A-Za-z0-9]{37}" + END),
    Form("an API key", ("gsk_", "pplx-", "xai-", "nvapi-"), "(?:gsk_|pplx-|xai-|nvapi-)[A-Za-z0-9_-]{32,200}"),
    Form("an API key", ("lsv2_", "pcsk_", "tgp_v1_"), "(?:lsv2_(?:pt|sk)|pcsk|tgp_v1)_[A-Za-z0-9_-]{30,200}"),
    Form("a Kaggle token", ("KGAT_",), "KGAT_[0-9a-f]{32}"),
    Form("a Vault token", ("hvs.", "hvb."), r"hv[sb]\.[\w-]{24,300}"),
    Form("a Terraform token", (".atlasv1.",), r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{40,200}"),
    Form("a Grafana token", ("glsa_", "glc_"), "gl(?:sa|c)_[A-Za-z0-9+/=_]{32,300}"),
    Form("a Shopify token", ("shp",), "shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"),
    Form("an API key", ("lin_api_", "ntn_", "sbp_"), "(?:lin_api|ntn|sbp)_[A-Za-z0-9]{40,64}"),
    Form("an API key", ("NRAK-", "PMAK-", "figd_"), "(?:NRAK-|PMAK-|figd_)[A-Za-z0-9_-]{24,120}"),
    Form("an Azure secret", ("8Q~",), r"[A-Za-z0-9_~.-]{3}8Q~[A-Za-z0-9_~.-]{31,34}" + END),
    Form("an age key", ("AGE-SECRET-KEY-1",), "AGE-SECRET-KEY-1[A-Z0-9]{58}"),
    Form("a signed token (JWT)", ("eyJ",), r"eyJ[\w-]{8,2000}\.eyJ[\w-]{8,4000}\.[\w-]{8,2000}"),
    Form("a private key", ("PRIVATE KEY",), _PEM),
    Form("a private key", ("PuTTY-User-Key",), "PuTTY-User-Key-File-[23]:"),
    Form("a token in a header", ("earer ",), r"[Bb]earer ([A-Za-z0-9+/_.~=-]{16,2000})", random=True),
    Form("a password in a header", ("asic ",), "[Bb]asic ([A-Za-z0-9+/]{12,500}={0,2})", random=True),
)
_MARKERS = "|".join(re.escape(marker) for form in FORMS for marker in form.markers)
ADDRESS = r"://[^\s/:@?#]{0,128}:([^\s/@?#]{1,256})@"
"""The password in a URL (RFC 3986 section 3.2.1)."""
_PLAIN = "p|[a-z_-]*(?:pass(?:word)?|pwd|secret|key|token)"
"""What stands for it in examples."""
_CLEAR = (
    r"pass(?:word|wd|phrase|code)|(?:secret|api|access|account|private|signing|encryption)[_-]?(?:access[_-]?)?key"
    r"|(?:client|app)[_-]?secret|(?:access|auth|api|bearer|refresh|session|hub|hf|gh|github|gitlab|tracking|wandb|sas"
    r"|oauth|personal)[_-]?token"
)
"""Names of credentials: whatever stands beside one is taken for it."""
_VAGUE = r"secret|token|storage[_-]?key|credentials?|auth(?:orization)?|passkey|pwd"
"""Names that mean other things too, such as a token of a text: what stands beside one must look random."""
_HINTS = ("pass", "pwd", "key", "secret", "token", "credential", "auth")
"""Text that holds none of them holds no name of a credential."""
_EMPTY = frozenset({"none", "null", "true", "false", "string", "optional", "required", "removed", "unknown"})
_STAND_IN = (
    r"<.*|[A-Za-z_][\w.]*[(\[{].*|\{.*|\$(?:[{(].*|[A-Za-z_]+$)|%(?:\(.*|[A-Z_]+%)|\[[A-Za-z_ ]*\]?$"
    r"|your.*|env[:.].*|os\.|(.)\1*$"
    r"|.*(?:example|placeholder|dummy|environ|getenv|getpass|\.\.\.|…)"
)
"""What stands where a credential goes: `<token>`, `${TOKEN}`, `os.environ[…]`, `getpass()`, `xxxx`."""
_VARIABLE = r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[a-z_]+(?:\.[a-z_]+)+|[a-z]{2,4}-[0-7][0-9a-hjkmnp-tv-z]{25}"
"""The name of a variable, such as HF_TOKEN or settings.api_key, or a public id: `token: tok-01k…` names a token."""
_ASSIGNED = (
    rf"(?:({_CLEAR})|(?<![A-Za-z])(?:{_VAGUE}))(?:\\{{0,3}}[\"'`\]]){{0,2}}[ \t]{{0,8}}(?:=>|:=|[=:])[ \t]{{0,8}}"
    rf"(\\{{0,3}}[\"'`]?)([^\s\"'`,;&<>)\]\\]{{4,{LONGEST}}})"
)
_OPTION = rf"(?<![\w-])--(?:[a-z]{{1,16}}-){{0,3}}(?:{_CLEAR}|{_VAGUE})[ ]{{1,4}}(\S{{6,{LONGEST}}})"


@dataclass(frozen=True, slots=True)
class Finding:
    """What looks like a credential, and where in the text it stands."""

    kind: str
    start: int
    end: int


def looks_random(text: str) -> bool:
    """16 characters or more, of several kinds, with at least 3 bits each (Shannon), and no long word among them."""
    if len(text) < 16 or not any(c.isdigit() for c in text) or not any(c.isalpha() for c in text):
        return False
    total = len(text)
    bits = -sum(n / total * math.log2(n / total) for n in Counter(text).values())
    return bits >= 3 and not _pattern("[a-z]{11,}|[a-z]+(?:[-_ ][a-z0-9]+){2,}").search(text)


def findings(text: str, name: str = "") -> Iterator[Finding]:
    """What looks like a credential in `text`, which stands under `name`; in no order, and they may overlap."""
    yield from by_form(text)
    if "://" in text:
        for match in _pattern(ADDRESS).finditer(text):
            if not _stands_in(match[1]) and not _pattern(_PLAIN, re.IGNORECASE).fullmatch(match[1]):
                yield Finding("a password in an address", match.start(1), match.end(1))
    if name and (kind := _named(name, text)):
        yield Finding(kind, 0, len(text))
    lower = text.lower()
    if any(hint in lower for hint in _HINTS):
        yield from _assigned(text)


def by_form(text: str) -> Iterator[Finding]:
    """What has the form of a known kind of credential, whatever stands around it."""
    if len(text) < SHORTEST or not _pattern(_MARKERS).search(text):
        return
    for form in FORMS:
        if any(marker in text for marker in form.markers):
            for match in _pattern(START + form.pattern).finditer(text):
                if not form.random or looks_random(match[1]):
                    yield Finding(form.kind, match.start(), match.end())


def _assigned(text: str) -> Iterator[Finding]:
    """`password: …`, `"api_key"="…"`, `--token …` within a text."""
    for match in _pattern(_ASSIGNED, re.IGNORECASE).finditer(text):
        clear, quoted, value = match[1], bool(match[2]), match[3]
        plain = clear and (_is_mixed(value) or (quoted and clear.lower().startswith("pass")))
        if not _stands_in(value) and (plain or looks_random(value)):
            yield Finding("a credential, by the name before it", match.start(3), match.end(3))
    for match in _pattern(_OPTION, re.IGNORECASE).finditer(text):
        if not _stands_in(match[1]) and _is_mixed(match[1]):
            yield Finding("a credential, by the option before it", match.start(1), match.end(1))


def _named(name: str, text: str) -> str | None:
    """What `text` is, by the name that it stands under."""
    value, last = text.strip(), name[-128:]
    if len(value) < 4 or _stands_in(value):
        return None
    clear = _pattern(f".*(?:{_CLEAR})", re.IGNORECASE).fullmatch(last)
    vague = _pattern(f"(?:.*[^A-Za-z])?(?:{_VAGUE})", re.IGNORECASE).fullmatch(last)
    return "a credential, by its name" if clear or (vague and looks_random(value)) else None


def _stands_in(value: str) -> bool:
    if value.lower() in _EMPTY or _pattern(_STAND_IN, re.IGNORECASE).match(value):
        return True
    return _pattern(_VARIABLE).fullmatch(value) is not None


def _is_mixed(value: str) -> bool:
    """Letters with digits or signs among them, so no plain word."""
    signs = any(not char.isalpha() and char not in "-_./:" for char in value)
    return len(value) >= 6 and signs and any(char.isalpha() for char in value)


@cache
def _pattern(text: str, flags: int = 0) -> re.Pattern[str]:
    """Compiled when first needed: most processes look at no text."""
    return re.compile(text, flags)


# --- refusing and removing -----------------------------------------------------------------------------------------


def refuse_credentials(value: object, what: str) -> None:
    """Look through texts, lists and mappings. Raises: CredentialError that names the field, never the credential."""
    for place, name, text in _texts(value, "", ""):
        found = next(findings(text, name), None)
        if found is not None:
            raise credential_error(found, text, f"{what} {place!r}" if place else what)


def credential_error(found: Finding, text: str, where: str) -> CredentialError:
    """The error about what was found; `where` is named in it."""
    line = text.count("\n", 0, found.start) + 1 if "\n" in text else None
    at = "" if line is None else f", line {line}"
    return CredentialError(
        f"The {where}{at} has what looks like {found.kind}",
        remedy="Take it out and, if it is real, revoke it; what is stored here is read by many",
        facts={"field": where, "kind": found.kind} | ({} if line is None else {"line": line}),
    )


def without_credentials(text: str, name: str = "") -> str:
    """`text` with each credential replaced by what it was."""
    spans = sorted((one.start, one.end, one.kind) for one in findings(text, name))
    if not spans:
        return text
    parts, at = [], 0
    for start, end, kind in spans:
        if start >= at:
            parts += [text[at:start], f"[removed: {kind}]"]
        at = max(at, end)
    return "".join(parts) + text[at:]


def cleaned_facts(facts: Mapping[str, object]) -> dict[str, object]:
    """The same JSON object with every credential replaced by what it was."""
    return {without_credentials(str(key)): cleaned(one, str(key)) for key, one in facts.items()}


def cleaned(value: object, name: str = "") -> object:
    """The same JSON value, as `cleaned_facts`."""
    if isinstance(value, str):
        return without_credentials(value, name)
    if isinstance(value, Mapping):
        return cleaned_facts(value)
    if isinstance(value, list | tuple):
        return [cleaned(one, name) for one in value]
    return value


def _texts(value: object, place: str, name: str) -> Iterator[tuple[str, str, str]]:
    """(place, name, text) of every text in `value`; a key that is itself a credential is not named."""
    if isinstance(value, str):
        yield place, name, value
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield f"{place} (a key)".strip(), "", str(key)
            yield from _texts(one, f"{place}.{key}" if place else str(key), str(key))
    elif isinstance(value, list | tuple | set | frozenset):
        for one in value:
            yield from _texts(one, place, name)
    elif isinstance(value, int) and not isinstance(value, bool) and name:
        yield place, name, str(value)
