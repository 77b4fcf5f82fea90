"""Image models for transfers: a trunk that gives features and a head that gives scores, for every architecture.

    model = load_image_model(folder, "efficientnet_lite0").with_head(("cat", "dog"))
    scores = model.logits(torch.stack([model.preprocess.apply(image) for image in images]))
    model.save(output)

`logits` equals `head` applied to `features`, so a head can be trained on cached features.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from adapters.heads import HeadShape
from adapters.inputs.preprocess import FILE, Preprocess
from adapters.torch.backbones import load_mlp, load_stock, side_of
from adapters.torch.families import DEFINITIONS, LAYERS, Family, Loaded, load_own, read_config
from adapters.torch.reading import Reading, Tap
from adapters.torch.stock import MLP
from adapters.torch.timm_models import TIMM, load_timm, preprocess_of, pretrained_cfg
from registry.domain.data.datasets import LabelKind
from registry.errors import InvalidError

FLOPS_METHOD = (
    "torch.utils.flop_counter.FlopCounterMode: forward of one sample, a multiply-add is two, normalisation and "
    "activations are not counted"
)
SINGLE = "single_label_classification"
PROBLEMS = {
    LabelKind.CLASS: SINGLE,
    LabelKind.MANY: "multi_label_classification",
    LabelKind.NUMBER: "regression",
}
"""`problem_type` of transformers for each kind of label that a head on pooled features can predict."""
_BATCH_NORM = nn.modules.batchnorm._BatchNorm
_NORMS = (_BATCH_NORM, nn.LayerNorm, nn.GroupNorm)


class Network(nn.Module):
    """The trunk [N, 3, H, W] -> [N, D] and the head [N, D] -> [N, classes], as one module.

    With a `reading` the input of the head is the output of modules inside the trunk, not of the whole trunk.
    """

    def __init__(self, trunk: nn.Module, head: nn.Module | None, reading: Reading | None = None) -> None:
        super().__init__()
        self.trunk = trunk
        self.head = head
        self.reading = reading

    def features(self, x: Tensor) -> Tensor:
        features: Tensor = self.trunk(x) if self.reading is None else self.reading(self.trunk, x)
        return features

    def forward(self, x: Tensor) -> Tensor:
        features = self.features(x)
        return features if self.head is None else self.head(features)


@dataclass(frozen=True, eq=False)
class ImageModel:
    """An image model in a transfer. `module` is what to train, move to a device and save in checkpoints.

    `classes` are the names of the head's outputs, in order; None without a head, or if the names are unknown.
    """

    architecture: str
    module: Network
    dim: int
    """The number of outputs of the trunk for one image."""
    classes: tuple[str, ...] | None
    preprocess: Preprocess
    family: Family
    shape: HeadShape | None
    problem: str = SINGLE
    """What the head predicts, as `problem_type` of transformers."""

    def predicts(self, labels: LabelKind, classes: tuple[str, ...]) -> bool:
        """True if the head predicts labels of this kind with exactly these classes in this order."""
        return self.shape is not None and self.problem == PROBLEMS.get(labels) and (self.classes or ()) == classes

    def renew(self) -> None:
        """Initialise the trunk again, from torch's global generator."""
        self.module.trunk.load_state_dict(self.family.fresh(self.module.trunk))

    @property
    def head(self) -> nn.Module:
        """The head: features [N, D] to scores [N, classes]. Raises: InvalidError if there is none."""
        if self.module.head is None:
            raise InvalidError(f"The model {self.architecture} has no head", remedy="Add one with with_head")
        return self.module.head

    def features(self, x: Tensor) -> Tensor:
        """Pooled features [N, width] of images [N, 3, H, W]."""
        return self.module.features(x)

    @property
    def width(self) -> int:
        """The number of features of one image: the input size of the head."""
        return self.dim if self.module.reading is None else self.module.reading.width

    def logits(self, x: Tensor) -> Tensor:
        """Scores [N, classes] of images [N, 3, H, W]. Raises: InvalidError if there is no head."""
        scores: Tensor = self.head(self.features(x))
        return scores

    def with_head(
        self,
        classes: tuple[str, ...],
        kind: str = "linear",
        hidden: int = 256,
        dropout: float = 0.0,
        labels: LabelKind = LabelKind.CLASS,
        tap: Tap | None = None,
    ) -> ImageModel:
        """The same trunk (shared, not copied) with a new head for `classes`, drawn from torch's global generator.

        The head reads at `tap`, or the output of the trunk, wherever the previous head read. For regression there are
        no classes and one output. Raises: InvalidError for fewer than two classes (multi-label: one), a duplicate
        class, or an unknown kind of head.
        """
        least = {LabelKind.CLASS: 2, LabelKind.MANY: 1}.get(labels, 0)
        if len(classes) < least or len(set(classes)) != len(classes):
            raise InvalidError("A head needs two or more classes with different names")
        reads, width = (tap.reads, tap.width) if tap else ((), 0)
        shape = HeadShape(kind, hidden, dropout, reads, width)
        like = next(self.module.parameters())
        head = shape.build(width or self.dim, len(classes) or 1).to(like.device, like.dtype)
        return replace(
            self,
            architecture=self.family.architecture(shape),
            module=Network(self.module.trunk, head, _reading(self.family, self.module.trunk, shape)).train(
                self.module.training
            ),
            classes=tuple(classes) or None,
            shape=shape,
            problem=PROBLEMS[labels],
        )

    def layers(self) -> list[tuple[str, nn.Module]]:
        """All layers from input to output, with each parameter in exactly one; the last is `head` if there is one.

        Parameters that no layer has belong to the first (such as position embeddings) or, where they come after the
        backbone, to the last.
        """
        found: list[tuple[str, nn.Module]] = []
        body = self.family.body(self.module.trunk)
        for name, module in _walk(body):
            if isinstance(module, _NORMS) and found:  # a normalisation belongs to the layer before it
                found[-1] = (found[-1][0], nn.ModuleList([found[-1][1], module]))
            elif any(True for _ in module.parameters()):
                found.append((name, module))
        for part, place in ((body, 0), (self.module.trunk, -1)):
            inside = {id(p) for _, module in found for p in module.parameters()}
            if loose := [p for p in part.parameters() if id(p) not in inside]:
                found[place] = (found[place][0], nn.ModuleList([found[place][1], nn.ParameterList(loose)]))
        return found if self.module.head is None else [*found, ("head", self.module.head)]

    def flops(self, size: int | None = None) -> float:
        """Floating-point operations of the forward pass of one image of `size` x `size` pixels, by `FLOPS_METHOD`."""
        side = size or self.preprocess.size
        like, training = next(self.module.parameters()), self.module.training
        sample = torch.zeros(1, 3, side, side, device=like.device, dtype=like.dtype)
        self.module.eval()
        try:
            with torch.no_grad(), FlopCounterMode(display=False) as counter:
                self.module(sample)
        finally:
            self.module.train(training)
        return float(counter.get_total_flops())

    def save(self, folder: Path, classes: tuple[str, ...] | None = None) -> None:
        """Write model.safetensors (tensors in a fixed order), config.json and preprocessor_config.json into `folder`.

        The same weights give the same bytes. Raises: InvalidError if the number of class names is not that of outputs.
        """
        names = self.classes if classes is None else tuple(classes)
        if self.problem == PROBLEMS[LabelKind.NUMBER]:
            names = ("value",)
        self._check_names(names)
        folder.mkdir(parents=True, exist_ok=True)
        tensors = self.family.tensors(self.module.trunk, self.shape)
        if self.shape is not None:
            tensors |= self.shape.tensors(self.head, self.family.head_prefix(self.shape))
        whole = {name: tensors[name].detach().cpu().contiguous().clone() for name in sorted(tensors)}
        save_file(whole, folder / "model.safetensors", metadata={"format": "pt"})
        document = self.family.config(self.shape, names)
        if self.problem != SINGLE:
            document["problem_type"] = self.problem
        if self.architecture.startswith(TIMM):
            document["pretrained_cfg"] |= pretrained_cfg(self.preprocess)
        text = json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        (folder / "config.json").write_text(text, encoding="utf-8")
        self.preprocess.write(folder)

    def _check_names(self, names: tuple[str, ...] | None) -> None:
        if self.shape is None:
            return
        outputs = next(m for m in reversed(list(self.head.modules())) if isinstance(m, nn.Linear)).out_features
        if names is not None and len(names) != outputs:
            raise InvalidError(f"There are {len(names)} class names for a head with {outputs} outputs")


def load_image_model(folder: Path, architecture: str) -> ImageModel:
    """Build `architecture` and load the weights of `folder`, in eval mode, float32, on the CPU.

    Raises: MisfitError naming the tensors that do not fit, InvalidError for an architecture that is not an image model,
    BadArtifactError, MissingExtraError.
    """
    loaded = _load(folder, architecture)
    return ImageModel(
        architecture=architecture,
        module=Network(loaded.trunk, loaded.head, _reading(loaded.family, loaded.trunk, loaded.shape)).eval(),
        dim=loaded.dim,
        classes=loaded.classes,
        preprocess=_preprocess(folder, architecture),
        family=loaded.family,
        shape=loaded.shape,
        problem=str(read_config(folder).get("problem_type") or SINGLE),
    )


def _preprocess(folder: Path, architecture: str) -> Preprocess:
    """As the folder says; where it says nothing, the usual one at the size that the config names."""
    if architecture.startswith(TIMM):
        if not (folder / FILE).is_file():
            return preprocess_of(read_config(folder).get("pretrained_cfg") or {})
        return replace(Preprocess.read(folder), even=True)
    found, side = Preprocess.read(folder), side_of(read_config(folder))
    return found if (folder / FILE).is_file() or side is None else replace(found, size=side)


def _reading(family: Family, trunk: nn.Module, shape: HeadShape | None) -> Reading | None:
    return Reading.of(family.body(trunk), shape.reads, shape.width) if shape and shape.reads else None


def _load(folder: Path, architecture: str) -> Loaded:
    if architecture in DEFINITIONS or architecture.startswith(LAYERS):
        return load_own(folder, architecture)
    if architecture == MLP:
        return load_mlp(folder)
    if architecture.startswith("transformers:"):
        return load_stock(folder)
    if architecture.startswith(TIMM):
        return load_timm(folder, architecture)
    raise InvalidError(
        f"{architecture!r} is not a known image architecture",
        remedy=f"Use one of {', '.join(DEFINITIONS)}, layers:<name>, transformers:<Class> of an image model, or "
        "timm:<name>",
    )


def _walk(module: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    """The layers in order: descends into containers of layers and into modules with such a child, not into layers."""
    for name, child in module.named_children():
        if isinstance(child, (nn.ModuleList, nn.Sequential)):
            yield from ((f"{prefix}{name}.{i}", item) for i, item in child.named_children())
        elif any(isinstance(inner, nn.ModuleList) for part in (child, *child.children()) for inner in part.children()):
            yield from _walk(child, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", child
