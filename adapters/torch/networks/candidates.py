"""What bare weights may become: the tensors that each kind of architecture needs, and its config.json.

Every network is built on torch's meta device, where tensors have shapes and no bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any, Protocol

import torch
from torch import nn

from adapters.stock_library import load_transformers
from adapters.torch.architectures import KNOWN, Known, Layout
from adapters.torch.definitions import layers as described
from adapters.torch.families import DEFINITIONS, LAYERS
from adapters.torch.networks.table import Entry, shipped
from registry.errors import BadArtifactError

Shape = tuple[int, ...]
Shapes = Mapping[str, Shape]
_ACTIVATIONS = frozenset({"relu", "relu6", "hardswish", "hardsigmoid", "sigmoid", "silu", "gelu"})


class Candidate(Protocol):
    """One architecture that weights are compared with. `head` is the name of its weight and the sizes behind [N, D]."""

    name: str
    layouts: tuple[Layout, ...]
    leave_out: tuple[str, ...]
    preprocessor: Mapping[str, Any]
    head: tuple[str, Shape]

    def trunk(self) -> dict[str, Shape]:
        """The tensors of everything but the head, in order."""
        ...

    def width(self) -> int:
        """The number of features."""
        ...

    def named(self, name: str, *, headed: bool) -> str:
        """The final name of one of our tensors."""
        ...

    def document(self, outputs: int | None) -> tuple[str, dict[str, Any]]:
        """The architecture and config.json of a model with `outputs` scores, or without a head."""
        ...

    def trunks(self, given: Shapes) -> Iterator[Candidate]:
        """Shorter networks that `given`, tensors under our names, may be the whole of."""
        ...


def candidates(architecture: str) -> list[Candidate]:
    """What `architecture` may mean, in the order in which they are tried; empty when it is not known.

    Where a name has a file of its own and is described in the table, the table's is the larger one.
    """
    found: list[Candidate] = []
    entry = shipped(architecture.removeprefix(LAYERS))
    if entry is not None:
        found.append(of_entry(entry))
    if architecture in KNOWN:
        found.append(Own(KNOWN[architecture]))
    return found


def of_entry(entry: Entry) -> Candidate:
    """The candidate that an entry of the table, or a user's own, describes."""
    return Stock(entry) if entry.stock else Described(entry)


def _shapes(module: nn.Module) -> dict[str, Shape]:
    return {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}


class Own:
    """A network with a file of its own in `adapters.torch.definitions`."""

    leave_out: tuple[str, ...] = ()

    def __init__(self, known: Known) -> None:
        self.name, self.layouts, self.preprocessor = known.name, known.layouts, known.preprocessor
        self.kind = known.head
        self.head: tuple[str, Shape] = (known.outputs, (1, 1) if known.head == "convolution" else ())

    def trunk(self) -> dict[str, Shape]:
        with torch.device("meta"):
            return _shapes(DEFINITIONS[self.name].network(nn.Identity()))

    def width(self) -> int:
        return DEFINITIONS[self.name].dim

    def named(self, name: str, *, headed: bool) -> str:  # noqa: ARG002 - the same with any head
        return name

    def document(self, outputs: int | None) -> tuple[str, dict[str, Any]]:
        head = {"kind": "none" if outputs is None else self.kind}
        named = {"architectures": [self.name], "model_type": self.name}
        return self.name, named | {"num_labels": outputs or 0, "head": head}

    def trunks(self, given: Shapes) -> Iterator[Candidate]:  # noqa: ARG002 - the file is the whole network
        return iter(())


class Described:
    """A network that the definition `layers` builds from its description."""

    def __init__(self, entry: Entry) -> None:
        self.entry, self.layouts, self.leave_out = entry, entry.layouts, entry.leave_out
        self.name, self.preprocessor = entry.name, entry.preprocessor
        convolution = entry.head == "convolution"
        self.head: tuple[str, Shape] = ("classifier.1.weight", (1, 1)) if convolution else ("classifier.weight", ())

    def _build(self) -> nn.Module:
        try:
            with torch.device("meta"):
                return described.Layers(self.entry.layers, nn.Identity()).eval()
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise BadArtifactError(
                f"The architecture {self.name!r} cannot be built: {error}",
                remedy="See docs/models.md, 'An architecture of your own'",
            ) from error

    def trunk(self) -> dict[str, Shape]:
        return _shapes(self._network)

    @cached_property
    def _network(self) -> nn.Module:
        return self._build()

    @cache  # noqa: B019 - candidates live as long as one import
    def width(self) -> int:
        """Raises: BadArtifactError when a picture does not get through the layers."""
        size = self.preprocessor.get("crop_size") or self.preprocessor["size"]
        picture = torch.zeros(1, 3, int(size["height"]), int(size["width"]), device="meta")
        try:
            found = self._network(picture)
        except (RuntimeError, ValueError, TypeError) as error:
            raise BadArtifactError(
                f"A picture does not get through the layers of {self.name!r}: {str(error).splitlines()[0]}",
                remedy="Check the channels and sizes of the layers in its description",
            ) from error
        if found.ndim != 2:
            raise BadArtifactError(f"The layers of {self.name!r} give {found.ndim - 1} dimensions, not features")
        return int(found.shape[1])

    def named(self, name: str, *, headed: bool) -> str:  # noqa: ARG002 - the same with any head
        return name

    def document(self, outputs: int | None) -> tuple[str, dict[str, Any]]:
        architecture = f"{LAYERS}{self.name}"
        kind = "none" if outputs is None else self.entry.head
        return architecture, {
            "architectures": [architecture],
            "model_type": "layers",
            "features": self.width(),
            "head": {"kind": kind},
            "layers": _wired(self.entry.layers),
            "num_labels": outputs or 0,
        }

    def trunks(self, given: Shapes) -> Iterator[Candidate]:
        """The network as far as its last layer that `given` has."""
        layers: dict[str, Any] = {}
        trunk = list(self.trunk())
        held = 0  # the layers that were kept before
        for name, part in self.entry.layers.items():
            if name == "wiring":  # only layers in order can be cut
                return
            items = part if isinstance(part, list) else None
            units = [f"{name}.{i}." for i in range(len(items))] if items is not None else [f"{name}."]
            present = [any(key in given for key in trunk if key.startswith(unit)) for unit in units]
            if not any(present):
                if any(key.startswith(f"{name}.") for key in trunk):
                    break
                layers[name] = part
                continue
            end = len(present) - present[::-1].index(True)
            if items is None:
                layers[name] = part
            elif any(key.startswith(tuple(units[end:])) for key in trunk if units[end:]):
                end += sum(1 for _ in _leading_activations(items[end:]))
                layers[name] = items[:end]
                held = len(layers)
                break
            else:
                layers[name] = part
            held = len(layers)
        kept = dict(list(layers.items())[:held])
        if kept and kept != self.entry.layers:
            yield Described(replace(self.entry, layers=kept))


def _wired(description: Any) -> Any:
    """The description with every wiring written out: in JSON the order of keys does not count."""
    if isinstance(description, list):
        return [_wired(part) for part in description]
    if not isinstance(description, Mapping):
        return str(description)
    parts = {name: _wired(part) for name, part in description.items() if name != "wiring"}
    return parts | {"wiring": described.wiring_of(description)}


def _leading_activations(items: list[Any]) -> Iterator[str]:
    for item in items:
        if not isinstance(item, str) or item.split()[0] not in _ACTIVATIONS:
            return
        yield item


@dataclass
class _Classes:
    base: Any
    headed: Any
    settings: Any


class Stock:
    """A class of transformers, so that stock transformers loads the folder and its children."""

    leave_out: tuple[str, ...]

    def __init__(self, entry: Entry) -> None:
        self.entry, self.layouts, self.leave_out = entry, entry.layouts, entry.leave_out
        self.name, self.preprocessor = entry.name, entry.preprocessor
        transformers = load_transformers(f"Building {entry.name!r}")
        settings = transformers.AutoConfig.for_model(**entry.stock)
        auto = transformers.models.auto.modeling_auto
        self._classes = _Classes(
            auto.MODEL_MAPPING[type(settings)], auto.MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING[type(settings)], settings
        )
        with torch.device("meta"):
            whole = self._classes.headed(settings)
        self._prefix = f"{whole.base_model_prefix}."
        self._state = _shapes(whole)
        own = [name for name in self._state if not name.startswith(self._prefix) and name.endswith("weight")]
        self.head: tuple[str, Shape] = (own[0], ())

    def trunk(self) -> dict[str, Shape]:
        inside = {name: shape for name, shape in self._state.items() if name.startswith(self._prefix)}
        return {name.removeprefix(self._prefix): shape for name, shape in inside.items()}

    def width(self) -> int:
        return self._state[self.head[0]][1]

    def named(self, name: str, *, headed: bool) -> str:
        return f"{self._prefix}{name}" if headed and not name.startswith("classifier.") else name

    def document(self, outputs: int | None) -> tuple[str, dict[str, Any]]:
        kind = self._classes.base if outputs is None else self._classes.headed
        config = dict(self.entry.stock) | {"architectures": [kind.__name__]}
        if outputs is not None:
            config |= {"id2label": {str(i): f"LABEL_{i}" for i in range(outputs)}}
            config |= {"label2id": {f"LABEL_{i}": i for i in range(outputs)}}
        return f"transformers:{kind.__name__}", config

    def trunks(self, given: Shapes) -> Iterator[Candidate]:  # noqa: ARG002 - transformers has no class for a part
        return iter(())
