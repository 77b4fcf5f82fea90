"""A model of timm as its own library writes it, and a person who asks a server for it again and again."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests import with_timm

_SCORES = """
import json, sys, timm, torch
def scores(model):
    ramp = torch.arange(3 * 64 * 64).reshape(1, 3, 64, 64) / 12288
    return json.dumps(model.eval()(ramp)[0].tolist())
"""
"""What a model makes of one picture."""
_PUBLISH = f"""{_SCORES}
torch.manual_seed(5)
model = timm.create_model("test_resnet", num_classes=3)
timm.models.save_for_hf(model, sys.argv[1], safe_serialization=True)
print(scores(model))
"""
_ASK = f"""{_SCORES}
for line in sys.stdin:
    try:
        print(scores(timm.create_model(line.strip(), pretrained=True)), flush=True)
    except OSError as error:
        print(json.dumps(type(error).__name__), flush=True)
"""


def published(folder: Path) -> list[float]:
    """Write a small ResNet with random weights into `folder`, as for the Hub; gives its scores of the picture."""
    words = [sys.executable, "-W", "ignore", "-c", _PUBLISH, str(folder)]
    done = subprocess.run(words, env=with_timm.environment(), capture_output=True, text=True, timeout=240, check=True)
    scores: list[float] = json.loads(done.stdout)
    return scores


@contextmanager
def asking(variables: Mapping[str, str]) -> Iterator[Callable[[str], list[float] | str]]:
    """Loads a model by its name, in one process all the while; gives its scores, or the name of the error."""
    words = [sys.executable, "-W", "ignore", "-c", _ASK]
    around = {**variables, **with_timm.environment()}
    pipe = subprocess.PIPE
    with subprocess.Popen(words, env=around, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True) as tool:

        def ask(name: str) -> list[float] | str:
            assert tool.stdin is not None
            assert tool.stdout is not None
            tool.stdin.write(f"{name}\n")
            tool.stdin.flush()
            answer: list[float] | str = json.loads(tool.stdout.readline())
            return answer

        yield ask
        tool.communicate()
