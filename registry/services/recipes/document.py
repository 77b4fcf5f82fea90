"""A recipe as people write it: YAML of the schema `forebear/recipe/v1`, every key with its meaning and its limits.

What may be left out is None here; `registry.services.recipes.recipes.complete` fills it in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Literal, TypeVar

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    JsonValue,
    PlainValidator,
    PrivateAttr,
    WithJsonSchema,
    model_validator,
)

from registry.domain.names import AssetKind, Name, Reference
from registry.domain.recipes.methods import role_problem
from registry.domain.recipes.recipe import WHOLE_TEXT, Method
from registry.domain.text import did_you_mean, expected
from registry.errors import RegistryError
from registry.services.document_errors import line_of

METHODS = tuple(method for method in Method if method is not Method.IMPORT)
"""What a recipe can ask for; an import is a verb of its own."""

T = TypeVar("T")


def _parsed(parse: Callable[[str], object], schema: Mapping[str, object]) -> tuple[PlainValidator, WithJsonSchema]:
    """A domain's own parser as Pydantic wants it: its sentence becomes the sentence beside the line."""

    def validate(value: object) -> object:
        if not isinstance(value, str):
            raise ValueError(expected("text", value))  # noqa: TRY004 -- Pydantic turns ValueErrors into lines
        try:
            return parse(value)
        except RegistryError as error:
            raise ValueError(str(error)) from error

    return PlainValidator(validate), WithJsonSchema({"type": "string", **schema})


def _method(text: str) -> Method:
    if text not in METHODS:
        raise RegistryError(f"there is no method {text[:80]!r}{did_you_mean(text, METHODS)}")
    return Method(text)


def _number(value: object) -> object:
    """Pydantic takes true for 1."""
    if isinstance(value, bool):
        raise ValueError(expected("a number", value))  # noqa: TRY004 -- as above
    return value


_NUMBER = BeforeValidator(_number)
_NAME, _NAME_SCHEMA = _parsed(Name.parse, {"examples": ["vision/digits"]})
_METHOD, _METHOD_SCHEMA = _parsed(_method, {"enum": [method.value for method in METHODS]})
_MODEL, _MODEL_SCHEMA = _parsed(
    lambda text: Reference.parse(text, kind=AssetKind.MODELS), {"examples": ["models:/library/lite0/1"]}
)
_DATASET, _DATASET_SCHEMA = _parsed(
    lambda text: Reference.parse(text, kind=AssetKind.DATASETS), {"examples": ["datasets:/data/mnist-5k/1"]}
)

ModelText = Annotated[Reference, _MODEL, _MODEL_SCHEMA]
DatasetText = Annotated[Reference, _DATASET, _DATASET_SCHEMA]
Whole = Annotated[int, Field(strict=True)]
Words = Annotated[str, Field(strict=True, min_length=1)]


class _Strict(BaseModel):
    """A part of the document that knows its keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class _Short(_Strict):
    """A part that may be written as one word: `head: mlp` is `head: {kind: mlp}`."""

    short: ClassVar[str]

    @model_validator(mode="before")
    @classmethod
    def _expand(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {cls.short: value}
        if not isinstance(value, Mapping | cls):
            keys = ", ".join(field.alias or name for name, field in cls.model_fields.items())
            raise ValueError(f"write one word, its {cls.short}, or a mapping of {keys}")  # noqa: TRY004 -- as above
        return value

    @classmethod
    def __get_pydantic_json_schema__(cls, core: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema = handler.resolve_ref_schema(handler(core))
        whole = dict(schema)
        alone = {k: v for k, v in whole["properties"][cls.short].items() if k != "title"}
        description = whole.pop("description", "")
        schema.clear()
        schema.update({"description": description, "anyOf": [alone, whole]})
        return schema


class SourceText(_Short):
    """A model that goes in; its reference alone, or with the role it plays."""

    short: ClassVar[str] = "model"
    model: ModelText = Field(description="Reference of the model: models:/team/name/3 or models:/team/name@alias.")
    role: Literal["source", "teacher", "base"] = Field("source", alias="as", description="What it is used as.")


class DataText(_Short):
    """A dataset that goes in; its reference alone, or with the split to use."""

    short: ClassVar[str] = "dataset"
    dataset: DatasetText = Field(description="Reference of the dataset: datasets:/team/name/1.")
    split: Words | None = Field(None, description="Which split of it; the role's own name when left out.")


def _role(text: str) -> str:
    if problem := role_problem(text):
        raise ValueError(problem)
    return text


RolesText = dict[Annotated[str, AfterValidator(_role)], DataText]
"""Which data plays which role; a task of several is named after a dot (`train.digits`)."""


class HeadText(_Short):
    """The new task head."""

    short: ClassVar[str] = "kind"
    kind: Literal["linear", "mlp", "logistic", "ridge"] | None = Field(
        None, description="One layer, one hidden layer with ReLU, or one layer solved at once (two ways, probes only)."
    )
    hidden: Annotated[Whole, Field(ge=1, le=65536)] | None = Field(None, description="Units of the hidden layer.")
    dropout: Annotated[float, Field(ge=0, lt=1), _NUMBER] | None = Field(None, description="Before the last layer.")


class FreezeText(_Short):
    """What stays as the parent had it."""

    short: ClassVar[str] = "what"
    what: Literal["backbone", "none", "until"] | None = Field(
        None, description="All but the head, nothing, or all before the layer `until`."
    )
    until: Words | None = Field(None, description="The first layer that learns; those before it stay.")


class OptimizerText(_Short):
    """How weights follow gradients. Rates that differ by layer are called discriminative."""

    short: ClassVar[str] = "name"
    name: Literal["adamw", "sgd"] | None = Field(None, description="AdamW, or SGD with momentum.")
    lr: Annotated[float, Field(gt=0, le=10), _NUMBER] | None = Field(
        None, description="Highest learning rate of the head."
    )
    backbone_lr: Annotated[float, Field(gt=0, le=10), _NUMBER] | None = Field(
        None, description="Highest learning rate of the backbone's last layer."
    )
    layer_decay: Annotated[float, Field(gt=0, le=1), _NUMBER] | None = Field(
        None, description="Factor on the learning rate for each layer further from the head."
    )
    weight_decay: Annotated[float, Field(ge=0, le=10), _NUMBER] | None = Field(
        None, description="Not on biases and norms."
    )
    momentum: Annotated[float, Field(ge=0, lt=1), _NUMBER] | None = Field(None, description="For sgd.")
    clip: Annotated[float, Field(ge=0, le=1e6), _NUMBER] | None = Field(
        None, description="Norm that gradients are clipped to; 0 leaves them."
    )


class ScheduleText(_Short):
    """How the learning rate moves."""

    short: ClassVar[str] = "name"
    name: Literal["constant", "linear", "cosine", "staircase"] | None = Field(
        None, description="How it falls after the warm-up."
    )
    warmup: Annotated[float, Field(ge=0, lt=1), _NUMBER] | None = Field(
        None, description="Share of all optimiser steps over which the rate rises from 0."
    )
    drops: tuple[Annotated[float, Field(gt=0, lt=1), _NUMBER], ...] | None = Field(
        None, description="For staircase: shares of all steps at which the rate is divided by ten."
    )


class ResourcesText(_Strict):
    """What the step asks of the machine that runs it."""

    cpus: Annotated[Whole, Field(ge=0, le=1024)] | None = Field(
        None, description="CPU threads; as many as the engine gives when left out or 0."
    )
    gpus: Annotated[Whole, Field(ge=0, le=16)] | None = Field(
        None, description="GPUs, with one process for each; with 0 it takes one if it finds one."
    )


class RecipeDocument(_Strict):
    """How a model version is made from others: what goes in, which method, and how it is trained."""

    schema_name: Literal["forebear/recipe/v1"] = Field(alias="schema", description="Which version of this schema.")
    output: Annotated[Name, _NAME, _NAME_SCHEMA] = Field(description="The registered model that gets a new version.")
    method: Annotated[Method, _METHOD, _METHOD_SCHEMA] = Field(description="How to transfer.")
    source: ModelText | None = Field(None, description="The one model to start from; short for `sources`.")
    sources: Annotated[list[SourceText], Field(min_length=1)] | None = Field(
        None, description="The models to start from, each with its role."
    )
    data: RolesText | None = Field(
        None,
        description="The datasets by role. With training data alone, the others are splits of the same dataset.",
    )
    head: HeadText | None = Field(None, description="The new task head.")
    freeze: FreezeText | None = Field(None, description="What stays as the parent had it.")
    optimizer: OptimizerText | None = Field(None, description="How weights follow gradients.")
    schedule: ScheduleText | None = Field(None, description="How the learning rate moves.")
    epochs: Annotated[Whole, Field(ge=1, le=10_000)] | None = Field(None, description="Passes over the training data.")
    batch_size: Annotated[Whole, Field(ge=1, le=65_536)] | None = Field(None, description="Rows per optimiser step.")
    seed: Annotated[Whole, Field(ge=0, lt=2**32)] | None = Field(
        None, description="Seeds the head, the order of rows and dropout."
    )
    metrics: Annotated[list[Words], Field(min_length=1)] | None = Field(
        None, description="What is measured; the first one chooses the best epoch."
    )
    max_length: Annotated[Whole, Field(ge=2, le=WHOLE_TEXT)] | None = Field(
        None, description="Tokens per text at most; as many as the model reads when left out."
    )
    image_size: Annotated[Whole, Field(ge=8, le=4096)] | None = Field(
        None, description="Pixels per side; the source's own when left out."
    )
    checkpoint_every: Annotated[Whole, Field(ge=0)] | None = Field(
        None, description="Optimiser steps between checkpoints; 0 means once an epoch."
    )
    description: Annotated[str, Field(strict=True, max_length=4096)] | None = Field(
        None, description="What the output is, for people."
    )
    licence: Annotated[Words, Field(max_length=512)] | None = Field(
        None, description="Licence of the output as an SPDX expression; what the sources ask for when left out."
    )
    tags: dict[str, Annotated[str, Field(strict=True)]] | None = Field(None, description="Tags of the new version.")
    adapter: Words | None = Field(None, description="Which transfer adapter runs it; by modality when left out.")
    params: dict[str, JsonValue] | None = Field(None, description="What the adapter has of its own.")
    resources: ResourcesText | None = Field(None, description="What the step asks of the machine that runs it.")
    forgetting: Annotated[bool, Field(strict=True)] | None = Field(
        None, description="Measure at the end what the output lost on the test data of the models above it."
    )

    _root: yaml.Node | None = PrivateAttr(None)

    def at(self, root: yaml.Node | None) -> RecipeDocument:
        """The same document, knowing the lines of the text it was read from."""
        placed = self.model_copy()
        placed._root = root
        return placed

    def line(self, *path: str | int) -> int:
        """The line (from 1) of the text where `path` is, or of the deepest part of it that was written."""
        return line_of(self._root, path)

    def given(self) -> tuple[SourceText, ...]:
        """The models that go in, however they were written."""
        if self.sources is not None:
            return tuple(self.sources)
        return () if self.source is None else (SourceText.model_validate({"model": str(self.source)}),)

    def references(self) -> tuple[Reference, ...]:
        """The references of the models that go in, in order."""
        return tuple(source.model for source in self.given())
