"""An MLflow tracking server in a thread of this process, which answers honestly unless a test says how it lies."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.hubs import Asked, send

RUN = "1f0c" * 8
MODEL = "m-" + "2a3b" * 8
OF_RUN, OF_MODEL = f"7/{RUN}/artifacts", f"7/models/{MODEL}/artifacts"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"

Answer = Callable[["FakeTracking", BaseHTTPRequestHandler, str], bool]
"""Answers a request at a path in an own way; False: answer it as always."""


@dataclass
class FakeTracking:
    """A server with one run and one logged model of it. Artifacts by their path from the root of all."""

    files: dict[str, bytes]
    run: dict[str, Any] = field(default_factory=dict)
    """What is said of the run besides, or instead."""
    model: dict[str, Any] = field(default_factory=dict)
    lies: Answer = lambda *_: False
    url: str = ""
    asked: list[Asked] = field(default_factory=list)

    @property
    def place(self) -> str:
        """Its host and port."""
        return urlsplit(self.url).netloc

    def listed(self, folder: str) -> list[dict[str, Any]]:
        """What lies in a folder, as the server lists it: a size is text, and that of an empty file is left out."""
        found: dict[str, dict[str, Any]] = {}
        for path, body in self.files.items():
            if path.startswith(f"{folder}/"):
                name, below, _ = path.removeprefix(f"{folder}/").partition("/")
                size = {"file_size": str(len(body))} if body and not below else {}
                found.setdefault(name, {"path": name, "is_dir": bool(below), **size})
        return list(found.values())

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one GET."""
        self.asked.append(Asked(handler.path, dict(handler.headers)))
        parts = urlsplit(handler.path)
        path = unquote(parts.path)
        if self.lies(self, handler, path):
            return
        if path == ARTIFACTS:
            send_json(handler, {"files": self.listed(parse_qs(parts.query)["path"][0])})
        elif (
            path.startswith(f"{ARTIFACTS}/")
            and (body := self.files.get(path.removeprefix(f"{ARTIFACTS}/"))) is not None
        ):
            send(handler, body)
        elif path == "/api/2.0/mlflow/runs/get" and parse_qs(parts.query)["run_id"] == [RUN]:
            info = {"run_id": RUN, "artifact_uri": f"mlflow-artifacts:/{OF_RUN}", "status": "FINISHED"}
            data = {
                "params": [{"key": "lr", "value": "0.1"}],
                "metrics": [{"key": "accuracy", "value": 0.9}, {"key": "loss", "value": "NaN"}],
            }
            outputs = {"model_outputs": [{"model_id": MODEL, "step": "0"}]}
            send_json(handler, {"run": {"info": info, "data": data, "outputs": outputs} | self.run})
        elif path == f"/api/2.0/mlflow/logged-models/{MODEL}":
            info = {
                "model_id": MODEL,
                "name": "model",
                "artifact_uri": f"mlflow-artifacts:/{OF_MODEL}",
                "status": "LOGGED_MODEL_READY",
                "source_run_id": RUN,
            }
            send_json(handler, {"model": {"info": info | self.model, "data": {}}})
        else:
            send_json(handler, {"error_code": "RESOURCE_DOES_NOT_EXIST"}, status=404)


def send_json(handler: BaseHTTPRequestHandler, value: Mapping[str, Any], status: int = 200) -> bool:
    """Answer with a JSON object."""
    return send(handler, json.dumps(value).encode(), status=status)
