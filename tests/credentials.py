"""Credentials of many kinds, made up when they are needed, so that this repository holds none for a scanner to find."""

from __future__ import annotations

import base64
import random
import string
from collections.abc import Mapping

from registry.domain.people.tokens import new_secret

_RANDOM = random.Random(9)
ALPHABET, HEX = string.ascii_letters + string.digits, "0123456789abcdef"


def made(length: int, alphabet: str = ALPHABET) -> str:
    """Random text."""
    return "".join(_RANDOM.choice(alphabet) for _ in range(length))


def _base64(size: int) -> str:
    return base64.b64encode(_RANDOM.randbytes(size)).decode()


_AWS = made(40, ALPHABET + "/+")
_PEM = "\n".join(made(64) for _ in range(3))
_JWT = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (b'{"alg":"HS256"}', b'{"sub":"ana"}'))
SEEDED: Mapping[str, tuple[str, str]] = {
    kind: (before + secret + after, secret)
    for kind, before, secret, after in (
        ("Hugging Face", "", "hf_" + made(34), ""),
        ("OpenAI", "", "sk-" + made(48), ""),
        ("OpenAI project", "", "sk-proj-" + made(74), ""),
        ("Anthropic", "", "sk-ant-api03-" + made(93), ""),
        ("AWS key id", "", "AKIA" + made(16, string.ascii_uppercase + "234567"), ""),
        ("AWS secret", "aws_secret_access_key = ", _AWS, ""),
        ("GitHub", "", "ghp_" + made(36), ""),
        ("GitHub fine-grained", "", "github_pat_" + made(22) + "_" + made(59), ""),
        ("GitLab", "", "glpat-" + made(20), ""),
        ("Slack", "", "xoxb-" + made(12, string.digits) + "-" + made(24), ""),
        ("Slack webhook", "https://", f"hooks.slack.com/services/T{made(8)}/B{made(8)}/{made(24)}", ""),
        ("Google", "", "AIza" + made(35), ""),
        ("Stripe", "", "sk_live_" + made(24), ""),
        ("npm", "", "npm_" + made(36), ""),
        ("package index", "", "pypi-AgEI" + made(70), ""),
        ("SendGrid", "", "SG." + made(22) + "." + made(43), ""),
        ("Telegram", "", made(9, "123456789") + ":AA" + made(33), ""),
        ("JWT", "", f"{_JWT}.{made(43)}", ""),
        ("private key", "-----BEGIN RSA PRIVATE KEY-----\n", _PEM, "\n-----END RSA PRIVATE KEY-----"),
        ("OpenSSH key", "-----BEGIN OPENSSH PRIVATE KEY-----\n", made(70), "\n-----END OPENSSH PRIVATE KEY-----"),
        ("database address", "postgresql://ana:", made(9), "@db.internal/registry"),
        ("git address", "https://bot:", made(20), "@git.internal/models.git"),
        ("Weights & Biases", "WANDB_API_KEY=", made(40, HEX), ""),
        ("Weights & Biases command", "wandb login ", made(40, HEX), ""),
        ("MLflow", "MLFLOW_TRACKING_PASSWORD=", "hunter" + made(4, string.digits), ""),
        ("Forebear", "", new_secret(), ""),
        ("Azure connection", "DefaultEndpointsProtocol=https;AccountKey=", _base64(64), ";EndpointSuffix=x"),
        ("Databricks", "", "dapi" + made(32, HEX), ""),
        ("SQL Server", "Server=db;User Id=sa;Password=", "P@ss" + made(6, string.digits) + "!", ";"),
        ("JSON", '{"password": "', "letmein" + made(3), '"}'),
        ("bearer header", "Authorization: Bearer ", made(40), ""),
        ("basic header", "Authorization: Basic ", _base64(24), ""),
        ("option", "mlflow run --password ", "s3cret" + made(4), ""),
        ("Vault", "", "hvs." + made(40), ""),
        ("random text with a name", "api_key: ", made(32), ""),
        ("query", "https://x.internal/a?access_token=", made(32), ""),
    )
}
"""By kind: a text with the credential, and the credential, which must be nowhere afterwards."""
