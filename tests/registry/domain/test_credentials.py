"""What is taken for a credential, what is not, and what is left when one is removed."""

from __future__ import annotations

import base64
import random
import time
from re import _parser  # type: ignore[attr-defined]

import pytest

from registry.domain.credentials import (
    FORMS,
    SHORTEST,
    START,
    cleaned_facts,
    findings,
    refuse_credentials,
    without_credentials,
)
from registry.errors import CredentialError
from tests.credentials import HEX, SEEDED, made


@pytest.mark.parametrize("kind", SEEDED)
def test_a_credential_is_found_and_removed_wherever_it_stands(kind: str) -> None:
    text, secret = SEEDED[kind]
    for around in ("{}", "Some words before {} and after it.", '{{"note": "{}"}}', "line one\n{}\nline three"):
        within = around.format(text)
        left = without_credentials(within)
        assert secret not in left
        assert not any(line in left for line in secret.split("\n"))
        assert "[removed: " in left
        assert left.startswith(around.partition("{}")[0].replace("{{", "{"))
        with pytest.raises(CredentialError) as refused:
            refuse_credentials({"notes": [within]}, "tag")
        assert secret not in str(refused.value)
        assert secret not in str(refused.value.facts)


def test_no_form_fits_a_text_that_is_too_short_to_be_looked_at() -> None:
    shortest = min(_parser.parse(START + form.pattern).getwidth()[0] for form in FORMS)
    assert shortest == SHORTEST


FINE = (
    "sha256:" + made(64, HEX),
    made(40, HEX),
    made(32),
    "step-01jdq0v3w8m4k2x7y9z5t6r8b1",
    "token: tok-01jdq0v3w8m4k2x7y9z5t6r8b1",
    "550e8400-e29b-41d4-a716-446655440000",
    "hf-internal-testing/tiny-random-bert",
    "models:/vision/digits@production",
    "max_new_tokens: 128, pad_token_id=50256",
    'pad_token: [PAD], eos_token: "<|endoftext|>", mask_token: <mask>',
    "token: <your token>",
    "password=$PASSWORD",
    "password: ${DB_PASSWORD}",
    'api_key=os.environ["OPENAI_API_KEY"]',
    "export HF_TOKEN=...",
    "--token YOUR_TOKEN",
    "password: str",
    "The password is kept in the vault.",
    "token = settings.api_key",
    "postgresql://user@host/name",
    "postgresql://user:password@host/name",
    "ssh://git@host:22/models.git",
    "basic image-classification-with-2-layers",
    "Bearer of bad news and more",
    "sk-learn-pipeline-2024-with-words",
    "key: layer.0.attention.weight",
    "keyword: attention_is_all_you_need_2017",
    "tokenizer: BertTokenizerFast",
    "author: ana, auth: none",
    "Language modelling loss (for next-token prediction), per-token classification).",
    "self.cls_token = nn.Parameter(torch.randn(1, 1, 768))",
    "self.cross_attn_image_to_token = Sam3TrackerAttention(config)",
    'storage_key = "cond_frame_outputs"',
    "api_key = ShortUUIDField()",
    "s3://access_key_id:secret_access_key@bucket/key",
    "--client_secret {custom_app.client_secret}",
    "data:image/png;base64," + base64.b64encode(random.Random(1).randbytes(20_000)).decode(),
)


@pytest.mark.parametrize("text", FINE, ids=lambda text: text[:40])
def test_what_only_looks_alike_is_no_credential(text: str) -> None:
    assert list(findings(text)) == []


def test_a_name_makes_a_credential_of_what_stands_under_it() -> None:
    for name in ("password", "db_password", "apiKey", "WANDB_API_KEY", "client-secret", "hf_token"):
        for value in ("letmein", 12345678, "correct horse battery"):
            with pytest.raises(CredentialError, match=name):
                refuse_credentials({"params": {name: value}}, "recipe")
    refuse_credentials({"token": "cls", "pad_token": "[PAD]", "password": "", "secret": "none", "n_tokens": 5}, "tag")
    with pytest.raises(CredentialError):
        refuse_credentials({"token": made(24) + "4a"}, "tag")


def test_a_refusal_names_the_field_and_the_line() -> None:
    text, _ = SEEDED["GitHub"]
    with pytest.raises(CredentialError, match=r"The tag 'ci' has what looks like a GitHub token") as refused:
        refuse_credentials({"fine": "x", "ci": text}, "tag")
    assert refused.value.facts == {"field": "tag 'ci'", "kind": "a GitHub token"}
    with pytest.raises(CredentialError, match=r"The card, line 3 has what looks like a GitHub token"):
        refuse_credentials(f"# Card\n\nUse {text}", "card")
    with pytest.raises(CredentialError, match=r"a key") as refused:
        refuse_credentials({text: "x"}, "tag")
    assert text not in str(refused.value)


def test_facts_keep_everything_but_their_credentials() -> None:
    text, secret = SEEDED["Hugging Face"]
    facts = {"a": [1, None, True, f"x {text}"], "api_key": "letmein", "token": "tok-01jdq0v3w8m4k2x7y9z5t6r8b1"}
    left = cleaned_facts(facts)
    assert left["a"] == [1, None, True, "x [removed: a Hugging Face token]"]
    assert left["api_key"] == "[removed: a credential, by its name]"
    assert left["token"] == facts["token"]
    assert secret not in str(left)


HARD = ("a", "sk-", "eyJ", "password", "password=", "://", "-----BEGIN ", "key-", "Bearer ", "--a-", "eyJaaaaaaaa.")


@pytest.mark.parametrize("part", HARD)
def test_time_grows_with_the_text_and_not_faster(part: str) -> None:
    def seconds(size: int) -> float:
        text, began = part * (size // len(part)), time.process_time()
        list(findings(text))
        return time.process_time() - began

    assert seconds(64_000) < max(0.05, 40 * min(seconds(8_000) for _ in range(3)))
