"""Stock clients of the Hugging Face Hub write to a registry of ours: by Xet and by LFS, by command and from Python."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from starlette.types import Message, Receive, Scope, Send

from adapters.transformers.models import quiet
from benchmarks.material.tiny_texts import save_source
from benchmarks.text_families import WORDS
from registry import bootstrap
from registry.settings import Settings
from tests.journeys.running import furnished
from tests.serving import app_over, listening

pytestmark = pytest.mark.journey
DOCS = Path(__file__).parents[2] / "docs" / "connecting.md"
CARD = "---\nlicense: mit\npipeline_tag: text-classification\n---\n# Reviews\n"
HF, FOREBEAR = ("-m", "huggingface_hub.cli.hf"), ("-m", "registry.cli")
PUSH = """
import transformers, huggingface_hub
kind = transformers.AutoModelForSequenceClassification
model = kind.from_pretrained("FOLDER", num_labels=3)
print(model.push_to_hub("text/pushed").oid)
words = transformers.AutoTokenizer.from_pretrained("FOLDER")
words.push_to_hub("text/pushed")
api = huggingface_hub.HfApi()
card = "---\\nlicense: mit\\nbase_model: text/reviews.v1\\npipeline_tag: text-classification\\n---\\n# x"
api.upload_file(path_or_fileobj=card.encode(), path_in_repo="README.md", repo_id="text/pushed")
api.create_tag("text/pushed", tag="v1")
"""
ERRORS = """
import io, pickle
from huggingface_hub import HfApi, CommitOperationAdd
from huggingface_hub.errors import HfHubHTTPError
api, model = HfApi(), "text/errors"
def refused(call, *words, **named):
    try:
        call(*words, **named)
    except (HfHubHTTPError, ValueError) as error:
        print("refused:", " ".join(str(error).split()))
    else:
        print("let through")
def commit(name, path, **more):
    return api.create_commit(name, [CommitOperationAdd(path, b"a")], commit_message="x", **more).oid
def put(path, body):
    api.upload_file(path_or_fileobj=body, path_in_repo=path, repo_id=model)
refused(commit, "text/none", "a.txt")
api.create_repo(model)
refused(api.create_repo, model)
api.create_repo(model, exist_ok=True)
first = commit(model, "a.txt")
commit(model, "b.txt", parent_commit=first)
refused(commit, model, "c.txt", parent_commit=first)
refused(put, "README.md", b"---\\na: [\\n---\\n")
refused(put, "w.bin", io.BytesIO(bytes(3_000_000)))
put("model.pkl", pickle.dumps({"a": 1}))
refused(api.create_tag, model, tag="candidate")
refused(api.create_tag, model, tag="Not A Tag")
refused(api.create_branch, model, branch="x")
refused(api.create_repo, "text/data", repo_type="dataset")
"""
SAID = (
    "There is no model text/none and no draft of it",
    "There is a draft of models:/text/errors already",
    "is at the commit",
    "front matter is not YAML",
    "larger than 2,000,000 bytes",
    "model.pkl is a pickle or an archive, and this server accepts neither",
    "cannot be a tag here",
    "has no branches",
    "Only models are written in this way",
)
READER = """
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError
try:
    HfApi().create_repo("text/other")
except HfHubHTTPError as error:
    print(error)
"""


def documented() -> Iterator[tuple[str, ...]]:
    """The command lines of the section about uploading, as they are run here."""
    section = DOCS.read_text(encoding="utf-8").split("### Uploading\n")[1]
    for line in section.split("```bash\n")[1].split("```")[0].splitlines():
        program, *words = shlex.split(line)
        yield {"hf": HF, "forebear": FOREBEAR}[program] + tuple(words)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model as people have it, with its card."""
    found = tmp_path_factory.mktemp("hub-writing")
    with quiet():
        save_source(found / "reviews", "bert", WORDS)
    (found / "reviews" / "README.md").write_text(CARD, encoding="utf-8")
    return found


@dataclass(frozen=True)
class Person:
    """Somebody whose tools know the address of a server and a token."""

    folder: Path
    address: str
    token: str

    def ran(self, *words: str, **more: str) -> str:
        """What a program said that ended well."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "PYTHONPATH") if name in os.environ}
        own = {"HOME": str(self.folder), "HF_HOME": str(self.folder / "cache"), "OMP_NUM_THREADS": "1"}
        told = {"HF_ENDPOINT": self.address, "HF_TOKEN": self.token, "HF_HUB_DISABLE_TELEMETRY": "1"}
        told |= {"FOREBEAR_URL": self.address, "FOREBEAR_TOKEN": self.token, "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
        done = subprocess.run(
            [sys.executable, *words],
            env=kept | own | told | more,
            capture_output=True,
            text=True,
            cwd=self.folder,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def tokens(folder: Path) -> dict[str, str]:
    return furnished(folder / "home")


@pytest.fixture(scope="module")
def ana(folder: Path, tokens: dict[str, str]) -> Iterator[Person]:
    settings = Settings(home=folder / "home", mlflow_uri="off", max_upload=2_000_000)
    with listening(app_over(folder / "home", settings)) as address:
        yield Person(folder, address, tokens["ana"])


@pytest.mark.timeout(900)
def test_a_folder_is_uploaded_by_both_protocols_registered_and_tagged(ana: Person) -> None:
    source, said = str(ana.folder / "reviews"), ""
    for words in documented():
        said += ana.ran(*words)
    assert "forebear register text/reviews" in said, "the warning reaches people"
    by_lfs = {"HF_HUB_DISABLE_XET": "1"}
    ana.ran(*HF, "upload", "text/by-lfs", source, **by_lfs)
    ana.ran(*HF, "repos", "tag", "create", "text/by-lfs", "v1", **by_lfs)
    shown = [
        json.loads(ana.ran(*FOREBEAR, "model", "show", name, "-o", "json"))
        for name in ("text/reviews/1", "text/by-lfs/1")
    ]
    assert shown[0]["files"] == shown[1]["files"]
    assert shown[0]["card"]["text"] == CARD


@pytest.mark.timeout(900)
def test_transformers_pushes_a_model_and_its_card_names_the_exact_parent(ana: Person) -> None:
    ana.ran("-c", PUSH.replace("FOLDER", str(ana.folder / "reviews")))
    version = json.loads(ana.ran(*FOREBEAR, "model", "show", "text/pushed/1", "-o", "json"))
    assert version["parents"] == ["models:/text/reviews/1"]
    assert "tokenizer.json" in {one["path"] for one in version["files"]}


@pytest.mark.timeout(900)
def test_errors_reach_people_as_sentences(ana: Person, tokens: dict[str, str]) -> None:
    told = ana.ran("-c", ERRORS).splitlines()
    refused = [line for line in told if line.startswith(("refused:", "let through"))]
    assert len(refused) == len(SAID), told
    for line, said in zip(refused, SAID, strict=True):
        assert said in line
    vera = Person(ana.folder, ana.address, tokens["vera"])
    assert "needs the permission edit" in vera.ran("-c", READER)


@pytest.mark.timeout(900)
def test_a_child_that_shares_its_backbone_sends_only_what_is_new_also_after_a_collection(
    folder: Path, tokens: dict[str, str]
) -> None:
    home, settings = folder / "home", Settings(home=folder / "home", mlflow_uri="off")
    app, sent = app_over(home, settings), []

    async def counting(scope: Scope, receive: Receive, send: Send) -> None:
        async def counted() -> Message:
            message = await receive()
            sent.append(len(message.get("body", b"")))
            return message

        await app(scope, counted, send)

    rng = np.random.default_rng(0)
    backbone = {f"block.{n}": rng.normal(size=(512, 1024)).astype(np.float32) for n in range(4)}
    for name, rows in (("base", 20), ("child", 200)):
        (folder / name).mkdir()
        head = rng.normal(size=(rows, 1024)).astype(np.float32)
        save_file(backbone | {"head": head}, folder / name / "model.safetensors")
        (folder / name / "README.md").write_text("---\nlicense: mit\n---\n# x\n", encoding="utf-8")
    counting.state = app.state  # type: ignore[attr-defined]
    with listening(counting) as address:  # type: ignore[arg-type]
        dev = Person(folder, address, tokens["ana"])
        options = ("--task", "image-classification", "--modality", "image")
        dev.ran(*HF, "upload", "vision/base", str(folder / "base"))
        assert sum(sent) > 7_000_000
        dev.ran(*FOREBEAR, "register", "vision/base", *options)
        bootstrap.open(home, settings=settings, actor="ana").store.collect(grace=timedelta(), delete=True)
        sent.clear()
        dev.ran(*HF, "upload", "vision/child", str(folder / "child"))
        assert 600_000 < sum(sent) < 2_000_000, "a head of 0.8 MB is new, of 9.2 MB (7.98 MB packed)"
        dev.ran(*FOREBEAR, "register", "vision/child", *options, "--parent", "models:/vision/base/1")
