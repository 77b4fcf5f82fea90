"""The allow-list for Keras configs: layers and operations that only compute on tensors.

`safe_mode` of Keras refuses pickled lambdas and looks up all other names in its modules. This list is checked first, on
the JSON, and is narrower: no Lambda, no custom or registered object, no layer that reads files or runs foreign code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from registry.errors import BadArtifactError, UnsafeArtifactError

LAYERS = frozenset(
    """
    Activation ActivityRegularization AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D
    AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D Add AdditiveAttention AlphaDropout Attention
    Average AveragePooling1D AveragePooling2D AveragePooling3D BatchNormalization Bidirectional CategoryEncoding
    CenterCrop Concatenate Conv1D Conv1DTranspose Conv2D Conv2DTranspose Conv3D Conv3DTranspose ConvLSTM1D ConvLSTM2D
    ConvLSTM3D Cropping1D Cropping2D Cropping3D Dense DepthwiseConv1D DepthwiseConv2D Discretization Dot Dropout ELU
    EinsumDense Embedding Flatten GRU GRUCell GaussianDropout GaussianNoise GlobalAveragePooling1D
    GlobalAveragePooling2D GlobalAveragePooling3D GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D
    GroupNormalization GroupQueryAttention Identity InputLayer LSTM LSTMCell LayerNormalization LeakyReLU Masking
    MaxPooling1D MaxPooling2D MaxPooling3D Maximum MelSpectrogram Minimum MultiHeadAttention Multiply Normalization
    PReLU Permute RMSNormalization RNN RandomBrightness RandomColorDegeneration RandomColorJitter RandomContrast
    RandomCrop RandomElasticTransform RandomErasing RandomFlip RandomGaussianBlur RandomGrayscale RandomHue
    RandomInvert RandomPerspective RandomPosterization RandomRotation RandomSaturation RandomSharpness RandomShear
    RandomTranslation RandomZoom ReLU RepeatVector Rescaling Reshape Resizing STFTSpectrogram SeparableConv1D
    SeparableConv2D SimpleRNN SimpleRNNCell Softmax SpatialDropout1D SpatialDropout2D SpatialDropout3D
    SpectralNormalization StackedRNNCells Subtract TimeDistributed UnitNormalization UpSampling1D UpSampling2D
    UpSampling3D ZeroPadding1D ZeroPadding2D ZeroPadding3D
    """.split()  # noqa: SIM905 - a list of words is read more easily than a list of strings
)
"""Left out: Lambda; TorchModuleWrapper, JaxLayer, FlaxLayer and TFSMLayer, which run foreign code; lookup layers and
TextVectorization, which read files."""
_MODELS = frozenset({"Functional", "Sequential", "Model"})
_OPERATIONS = re.compile(r"keras(\.src)?\.ops\.(numpy|nn|math|image)")
_COMPONENTS = re.compile(r"keras(\.src)?\.(initializers|regularizers|constraints|dtype_policies)(\.\w+)?")
_MODULES: dict[str, frozenset[str]] = {
    "keras.layers": LAYERS,
    "keras": _MODELS | {"DTypePolicy", "FloatDTypePolicy"},
    "keras.models": _MODELS,
    "keras.src.models.functional": _MODELS,
    "keras.src.models.sequential": _MODELS,
    "keras.src.models.model": _MODELS,
    "keras.src.applications.convnext": frozenset({"LayerScale"}),
    "keras.random": frozenset({"SeedGenerator"}),
    "keras.src.ops.core": frozenset({"Cast", "Slice", "StopGradient"}),
}
_VALUES = frozenset({"__keras_tensor__", "__tensor__", "__numpy__", "__ellipsis__", "__slice__"})
"""Class names with which Keras writes plain values."""
_FUNCTIONS = frozenset(
    """
    celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu linear
    log_sigmoid log_softmax mish relu relu6 selu sigmoid silu soft_shrink softmax softplus softsign sparse_plus
    sparse_sigmoid sparsemax squareplus swish tanh tanh_shrink threshold
    """.split()  # noqa: SIM905 - a list of words is read more easily than a list of strings
)
"""Activations."""
_MAX_DEPTH = 200
_REMEDY = "Build the model from layers and activations of Keras only, and save it again"


def check_config(config: object) -> None:
    """Raises: UnsafeArtifactError naming a layer that is not allowed; BadArtifactError if it is not a model."""
    if not isinstance(config, dict) or not isinstance(config.get("config"), dict):
        raise BadArtifactError("The config is not that of a Keras model", remedy="Save the whole model with model.save")
    if config.get("class_name") not in _MODELS:
        raise UnsafeArtifactError(
            f"The model is a custom class, {str(config.get('class_name'))[:80]!r}", remedy=_REMEDY
        )
    for part, layer in _objects(config, "The model", 0):
        _check(part, layer)


def layers_of(config: object) -> Iterator[str]:
    """The class name of every object that `config` names, whole models included."""
    return (str(part["class_name"]) for part, _ in _objects(config, "", 0))


def _objects(found: object, layer: str, depth: int) -> Iterator[tuple[dict[str, Any], str]]:
    """Every object in `found`, with a description of the layer that it is or belongs to."""
    if depth > _MAX_DEPTH:
        raise BadArtifactError(f"The config has more than {_MAX_DEPTH} levels")
    if isinstance(found, dict):
        inner = found.get("config")
        if "class_name" in found:
            name = inner.get("name") if isinstance(inner, dict) else None
            layer = f"The layer {name[:80]!r}" if isinstance(name, str) and depth else layer
            yield found, layer
        for value in found.values():
            yield from _objects(value, layer, depth + 1)
    elif isinstance(found, list):
        for value in found:
            yield from _objects(value, layer, depth + 1)


def _check(part: dict[str, Any], layer: str) -> None:
    kind, module, registered = part["class_name"], part.get("module"), part.get("registered_name")
    if kind in _VALUES:
        return
    full_name = f"{str(module)[:80]}.{str(kind)[:80]}"
    if kind == "__lambda__" or (module == "keras.layers" and kind == "Lambda"):
        raise UnsafeArtifactError(
            f"{layer} is a Lambda, which is Python code that runs when it is loaded", remedy=_REMEDY
        )
    if kind == "function":
        kind = part.get("config")
        if module not in {"builtins", "keras.activations"} or kind not in _FUNCTIONS or registered not in {None, kind}:
            raise UnsafeArtifactError(
                f"{layer} calls the function {str(kind)[:80]!r} of {str(module)[:80]}, which is not a Keras activation",
                remedy=_REMEDY,
            )
        return
    if registered not in {None, kind}:
        raise UnsafeArtifactError(f"{layer} is a custom object, {str(registered)[:80]!r}", remedy=_REMEDY)
    if not isinstance(kind, str) or not isinstance(module, str) or not _allowed(module, kind):
        raise UnsafeArtifactError(
            f"{layer} is a {full_name}, which is not on the list of allowed layers", remedy=_REMEDY
        )


def _allowed(module: str, kind: str) -> bool:
    if kind in _MODULES.get(module, ()):
        return True
    known = _OPERATIONS.fullmatch(module) or _COMPONENTS.fullmatch(module)
    return known is not None and re.fullmatch(r"[A-Z]\w*", kind) is not None
