"""The file `MLmodel`, by which MLflow loads a downloaded version: made for those that its flavour `transformers` loads.

It says of the stored files what is in them, so it is the same whenever it is asked for, and no part of the digest. The
classes it names are the `Auto…` classes of transformers alone, which never run code of the folder; MLflow would run
some for a class of a name that the installed transformers does not have. Layout: mlflow/transformers/model_io.py of
3.17.2, where `components/tokenizer` holds a second copy of the tokenizer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from registry.api.contents import GivenFile
from registry.domain.manifests import FileEntry
from registry.domain.transfers.adapted import is_adapter

DESCRIPTION = "MLmodel"
COMPONENTS = "components/"
"""Where the second copies lie."""
CONFIG = "config.json"
_PREFIX = "transformers:"
"""How the architectures begin that the library transformers builds."""


@dataclass(frozen=True, slots=True)
class _Use:
    """What a model of one kind is for: the task and pipeline of transformers, and what it loads."""

    task: str
    pipeline: str
    model: str
    component: str = "tokenizer"
    preparing: str = "AutoTokenizer"


_WORDS = _Use("text-generation", "TextGenerationPipeline", "AutoModelForCausalLM")
_USES: Mapping[str, _Use] = {
    "ForSequenceClassification": _Use(
        "text-classification", "TextClassificationPipeline", "AutoModelForSequenceClassification"
    ),
    "ForTokenClassification": _Use(
        "token-classification", "TokenClassificationPipeline", "AutoModelForTokenClassification"
    ),
    "ForMaskedLM": _Use("fill-mask", "FillMaskPipeline", "AutoModelForMaskedLM"),
    "ForCausalLM": _WORDS,
    "LMHeadModel": _WORDS,
    "ForImageClassification": _Use(
        "image-classification",
        "ImageClassificationPipeline",
        "AutoModelForImageClassification",
        "image_processor",
        "AutoImageProcessor",
    ),
}
"""By the end of the name of a class."""
_FILES: Mapping[str, frozenset[str]] = {
    "tokenizer": frozenset(
        {
            *(CONFIG, "tokenizer.json", "tokenizer_config.json", "tokenizer.model", "special_tokens_map.json"),
            *("added_tokens.json", "vocab.txt", "vocab.json", "merges.txt", "spiece.model"),
            *("sentencepiece.bpe.model", "chat_template.jinja"),
        }
    ),
    "image_processor": frozenset({CONFIG, "preprocessor_config.json"}),
}
"""What the classes that prepare inputs read."""


def described(files: Mapping[str, GivenFile], architecture: str) -> Iterator[GivenFile]:
    """`MLmodel` and the copies that it needs, for the `files` of a version; nothing where MLflow cannot load them."""
    kind = architecture.removeprefix(_PREFIX)
    use = next((use for end, use in _USES.items() if kind.endswith(end)), None)
    if use is None or kind == architecture or is_adapter(file.entry for file in files.values()):
        return
    prepared = [path for path in sorted(_FILES[use.component]) if path in files]
    if CONFIG not in files or prepared == [CONFIG]:
        return
    for path in prepared:
        entry = files[path].entry
        yield replace(files[path], entry=FileEntry(f"{COMPONENTS}{use.component}/{path}", entry.size, entry.sha256))
    flavour = {
        "task": use.task,
        "instance_type": use.pipeline,
        "pipeline_model_type": use.model,
        "model_binary": ".",
        "components": [use.component],
        f"{use.component}_type": use.preparing,
    }
    flavours = {"python_function": {"loader_module": "mlflow.transformers"}, "transformers": flavour}
    text = json.dumps({"flavors": flavours}, indent=2, sort_keys=True)  # JSON is YAML
    yield GivenFile.made(DESCRIPTION, f"{text}\n".encode())
