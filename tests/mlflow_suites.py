"""`make conformance MLFLOW_TESTS=FOLDER`: MLflow's own suites of a model registry, from a folder elsewhere.

FOLDER holds `tests/` of a copy of MLflow's source. Its live suite (`tests/tracking/test_model_registry.py`) and that
part of its store suite that is not about webhooks (`tests/store/model_registry/test_sqlalchemy_store.py`) run in a
process of their own with the stock client, against a server of ours at the address of a team, a new one for each
test. Two modules that stand in for MLflow's fixtures are written to a temporary folder; nothing of FOLDER is kept.

What the tests name is there: a stock `mlflow server` with the runs `run_id` and `run_id_2` and a small model as their
artifacts, and a policy that asks for nothing but the absence of a recall. The store suite was written for MLflow's own
store, in the same process. Four things are said to it in its terms, in a class over the stock `RestStore`: numbers of
versions are whole numbers, an empty text is None, a source that names nothing anywhere (`path/to/source`) is the model
of a run, and the time of each call is that of the tests, which stop the clock of their process.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import pytest

from registry import bootstrap
from registry.domain.governance.policies.changes import ProposalState
from registry.settings import Settings
from tests.importing import importing_here
from tests.serving import app_over, listening

SUITES = {
    "live": ("tests.tracking.test_model_registry", "not [file"),
    "store": ("tests.store.model_registry.test_sqlalchemy_store", "not webhook"),
}
"""Each suite's module, and which of its tests are run."""
RUNS = {"run_id": ("model", "another_model"), "run_id_2": ("a/b/c",)}
"""The runs of the tracking server, each with the folders of its models."""
RENAMED = "the name of what has a version is for ever, since votes and audit entries hold it"
ADDRESS = "the address of a version's files is one of this server, where the rules hold, and not that of a run"
IN_PROCESS = "looks into MLflow's own store, in the same process"
SOURCE = "the source of a version is the address of its files here, and its run link leads to the step that made it"
IN_USE = "a version that was promoted is not deleted"
BACK = "a version never goes back to an earlier stage, but for one that was archived, to its own"
PROMPTS = "prompts are not kept here, since they have no weights to govern"
REASONS: Mapping[str, str] = {
    "test_create_and_query_model_version_flow": ADDRESS,
    "test_copy_model_version_flow": ADDRESS,
    "test_rename_registered_model": RENAMED,
    "test_delete_model_version_redaction": IN_PROCESS,
    "test_search_model_versions_includes_workspace_predicate": IN_PROCESS,
    "test_search_registered_models_includes_workspace_predicate": IN_PROCESS,
    "test_create_model_version": SOURCE,
    "test_search_model_versions": SOURCE,
    "test_create_model_version_with_model_id_and_no_run_id": IN_PROCESS,
    "test_get_latest_versions": IN_USE,
    "test_get_model_version_download_uri": ADDRESS,
    "test_copy_model_version": ADDRESS,
    "test_update_model_version": BACK,
    "test_transition_model_version_stage_when_archive_existing_versions_is_true": BACK,
    "test_search_prompts": PROMPTS,
    "test_search_prompts_versions": PROMPTS,
    "test_search_prompt_versions": PROMPTS,
    "test_create_registered_model_handle_prompt_properly": PROMPTS,
}
"""Why a test of the suites cannot pass here, by its name."""
POLICY = """apiVersion: governance/v1
kind: PromotionPolicy
metadata: {name: free, version: 1, description: Stages are labels that ask for nothing}
applies_to: {priority: 5, when: subject.kind == "model_version"}
roles:
  anybody: {groups: [admin, developer]}
separation_of_duties:
  policy_change: {role: anybody, quorum: 1, exclude: []}
stages: [registered, staging, production, retired]
transitions:
"""
STAGES = ("registered", "staging", "production", "retired")
MOVES = list(combinations(STAGES, 2))
GATES = "[{id: no-recall, require: lineage.recalled == 0}]"
COMMON = """
import os
import pytest
from itertools import count
from {module} import *
import {module} as suite
ADDRESS, NUMBERS = os.environ["FOREBEAR_ADDRESS"], count(1)

def address():
    return f"{{ADDRESS}}/teams/{kind}{{next(NUMBERS)}}"
"""
LIVE = """
from mlflow import MlflowClient

@pytest.fixture(params=["sqlalchemy"])
def client():
    yield MlflowClient(os.environ["MLFLOW_TRACKING_URI"], address())
"""
STORE = """
from pathlib import Path
from mlflow.store.model_registry import sqlalchemy_store as suite_clock
from mlflow.store.entities.paged_list import PagedList
from mlflow.store.model_registry.rest_store import RestStore
from mlflow.utils.credentials import get_default_host_creds

@pytest.fixture(autouse=True)
def workspaces_enabled():
    yield False

def as_stored(value):
    if isinstance(value, PagedList):
        return PagedList([as_stored(one) for one in value], value.token or None)
    if isinstance(value, list):
        return [as_stored(one) for one in value]
    for name in ("_description", "_run_link", "_status_message", "_run_id"):
        if getattr(value, name, None) == "":
            setattr(value, name, None)
    if hasattr(value, "_version"):
        value._version = int(value._version)
    if isinstance(getattr(value, "_aliases", None), dict):
        value._aliases = {alias: int(number) for alias, number in value._aliases.items()}
    for one in getattr(value, "_latest_version", None) or []:
        as_stored(one)
    return value

class AsStored(RestStore):
    def create_model_version(self, name, source, *args, **kwargs):
        source = source if ":" in source else "runs:/run_id/model"
        return super().create_model_version(name, source, *args, **kwargs)

    def search_registered_models(self, filter_string=None, max_results=None, order_by=None, page_token=None):
        return super().search_registered_models(filter_string, max_results and int(max_results), order_by, page_token)

    def search_model_versions(self, filter_string=None, max_results=None, order_by=None, page_token=None):
        return super().search_model_versions(filter_string, max_results and int(max_results), order_by, page_token)

def wrapped(name, method):
    def call(self, *args, **kwargs):
        with Path(os.environ["FOREBEAR_CLOCK"]).open("r+") as clock:
            clock.write(f"{suite_clock.get_current_time_millis():020}")
        return as_stored(method(self, *args, **kwargs))
    return call

for name in vars(RestStore):
    if not name.startswith("_"):
        setattr(AsStored, name, wrapped(name, getattr(AsStored, name)))

@pytest.fixture
def store():
    where = address()
    yield AsStored(lambda: get_default_host_creds(where))
"""
NAMES = """
import socket
def pytest_configure():
    stock = socket.getaddrinfo
    socket.getaddrinfo = lambda host, *a, **k: stock("127.0.0.1" if host == "example.com" else host, *a, **k)
"""


def run(tests: Path, only: str = "") -> Iterator[tuple[str, str, str]]:
    """(suite, test, why it does not pass) of every item; the reason is empty for those that pass."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        tracking = stack.enter_context(_tracking_server(folder))
        home = folder / "home"
        settings = replace(_settings(home, tracking), rate_token=10**9, rate_person=10**9, rate_address=10**9)
        first = bootstrap.init(home, settings=settings, actor="ana")
        moves = "".join(f"  - {{id: {a}-{b}, from: {a}, to: {b}, gates: {GATES}}}\n" for a, b in MOVES)
        proposal = bootstrap.open(home, settings=settings, actor="ana").promotions.publish_policy(POLICY + moves)
        assert proposal.state is ProposalState.PUBLISHED, proposal
        clock = stack.enter_context(_clock_of_tests(folder / "clock"))
        stack.enter_context(importing_here())
        address = stack.enter_context(listening(app_over(home, settings)))
        environment = {
            "FOREBEAR_ADDRESS": address,
            "MLFLOW_TRACKING_URI": tracking,
            "MLFLOW_TRACKING_TOKEN": str(first.token),
            "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
            "FOREBEAR_CLOCK": str(clock),
            "PYTHONPATH": str(tests),
        }
        for kind, (module, wanted) in SUITES.items():
            chosen = f"({wanted}) and ({only})" if only else wanted
            yield from _suite(folder, kind, module, chosen, environment)


def _settings(home: Path, tracking: str) -> Settings:
    allowed = {"FOREBEAR_TRACKING_URLS": tracking, "FOREBEAR_TRACKING_PRIVATE_HOSTS": "127.0.0.1"}
    return Settings.from_environment({"FOREBEAR_HOME": str(home), "FOREBEAR_MLFLOW_URI": "off"} | allowed)


@contextmanager
def _clock_of_tests(file: Path) -> Iterator[Path]:
    """The file in which tests write the milliseconds since 1970 that the server then reads; the clock's before that."""
    file.write_text("", "utf-8")
    stock = bootstrap.SystemClock.now

    def now(clock: bootstrap.SystemClock) -> datetime:
        told = file.read_text("utf-8")
        return datetime.fromtimestamp(int(told) / 1000, UTC) if told else stock(clock)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bootstrap.SystemClock, "now", now)
        yield file


@contextmanager
def _tracking_server(folder: Path) -> Iterator[str]:
    """A stock `mlflow server` that has the runs and their models."""
    from benchmarks.material.tiny_texts import save_source
    from benchmarks.serving import running
    from benchmarks.text_families import WORDS

    save_source(folder / "base", "bert", WORDS)
    _with_a_head(folder / "base", folder / "model")
    for name, models in RUNS.items():
        for model in models:
            shutil.copytree(folder / "model", folder / "art" / "0" / name / "artifacts" / model)
    database = folder / "mlflow.db"
    store = ("--backend-store-uri", f"sqlite:///{database}", "--artifacts-destination", str(folder / "art"))
    with running("mlflow server", ["mlflow", "server", *store, "--workers", "1"], {}, {}, seconds=900) as server:
        with sqlite3.connect(database) as connection:
            for name in RUNS:
                connection.execute(
                    "INSERT INTO runs (run_uuid, name, user_id, status, start_time, lifecycle_stage, artifact_uri,"
                    " experiment_id) VALUES (?, ?, 'ana', 'FINISHED', 0, 'active', ?, 0)",
                    (name, name, f"mlflow-artifacts:/0/{name}/artifacts"),
                )
        yield f"http://127.0.0.1:{server.port}"


def _with_a_head(base: Path, folder: Path) -> None:
    import transformers

    config = transformers.AutoConfig.from_pretrained(base)
    transformers.AutoModelForSequenceClassification.from_config(config).save_pretrained(folder)
    transformers.AutoTokenizer.from_pretrained(base).save_pretrained(folder)


def _suite(
    folder: Path, kind: str, module: str, wanted: str, environment: Mapping[str, str]
) -> Iterator[tuple[str, str, str]]:
    place, report = folder / kind, folder / f"{kind}.xml"
    place.mkdir()
    text = COMMON.format(module=module, kind=kind) + (LIVE if kind == "live" else STORE)
    (place / f"test_{kind}.py").write_text(text, "utf-8")
    (place / "conftest.py").write_text(NAMES, "utf-8")
    (place / "pytest.ini").write_text("[pytest]\n", "utf-8")
    words = ["-q", "-p", "no:cacheprovider", "-p", "no:socket", f"--junitxml={report}", "-k", wanted, str(place)]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "pytest", *words],
        cwd=place,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if not report.is_file():
        raise SystemExit(f"MLflow's {kind} suite did not run:\n{done.stdout[-3000:]}\n{done.stderr[-2000:]}")
    for case in ElementTree.parse(report).iter("testcase"):
        bad = next((one for one in case if one.tag in {"failure", "error", "skipped"}), None)
        yield kind, case.get("name", ""), "" if bad is None else _why(case.get("name", ""), bad)


def _why(test: str, bad: ElementTree.Element) -> str:
    known = REASONS.get(re.sub(r"\[.*", "", test))
    if known is not None:
        return known
    said = " ".join((bad.get("message") or bad.text or "").split())
    return f"**not expected:** {said[:400]}"


def main() -> int:
    """Print how many pass and why each other does not; 1 where one fails without a known reason."""
    rows = list(run(Path(sys.argv[1]).resolve(), sys.argv[2] if len(sys.argv) > 2 else ""))
    print("| MLflow's own suite | tests | passed |\n|---|---|---|")
    for kind in SUITES:
        mine = [why for suite, _, why in rows if suite == kind]
        print(f"| {kind} | {len(mine)} | {mine.count('')} |")
    print("\n| does not pass | why |\n|---|---|")
    for suite, test, why in rows:
        if why:
            print(f"| {suite}: `{test}` | {why} |")
    passed = {test for _, test, why in rows if not why}
    stale = sorted(test for test in REASONS if test in passed)
    if stale:
        print(f"\n{', '.join(stale)} pass, and have a reason why they cannot")
    return 1 if stale or any("not expected" in why for _, _, why in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
