"""Reads what people type: references, pairs, shares, documents. Each error says what to write instead."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, TypeVar

import typer

from registry.errors import InvalidError, NotFoundError, TooLargeError, UsageError

if TYPE_CHECKING:
    from registry.domain.catalog.models import Modality
    from registry.domain.data.datasets import SplitPlan
    from registry.domain.names import Name, Reference
    from registry.domain.paging import PageRequest

MAX_DOCUMENT = 2 * 1024**2
"""Characters of a file that a command reads as a whole: more than any recipe, policy, card or JSON body may have."""

ModelArgument = Annotated[
    str, typer.Argument(metavar="MODEL", help="models:/team/name/3, or team/name@alias for short.")
]
DatasetArgument = Annotated[
    str, typer.Argument(metavar="DATASET", help="datasets:/team/name/1, or team/name for short.")
]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The name, as team/name.")]
LimitOption = Annotated[int, typer.Option("--limit", "-n", help="The maximum number to list.", min=1, max=500)]
CursorOption = Annotated[
    str | None,
    typer.Option("--cursor", help="Where the list continues; the previous page prints this value.", show_default=False),
]
TagOption = Annotated[
    list[str] | None,
    typer.Option("--tag", "-t", metavar="KEY=VALUE", help="A tag. May be given several times.", show_default=False),
]
LicenceOption = Annotated[
    str | None,
    typer.Option("--licence", "--license", help="An SPDX expression, for example Apache-2.0.", show_default=False),
]
TaskOption = Annotated[
    str | None,
    typer.Option(
        "--task", help="A pipeline tag of the Hugging Face Hub, for example image-classification.", show_default=False
    ),
]
ArchitectureOption = Annotated[
    str | None,
    typer.Option(
        "--architecture", help="The architecture of the weights, for example efficientnet_lite0.", show_default=False
    ),
]
MODALITIES = "image|text|tabular|audio|multimodal|unknown"
ModalityOption = Annotated[
    str | None,
    typer.Option(
        "--modality",
        metavar=MODALITIES,
        help="The kind of input.",
        show_default=False,
        autocompletion=lambda: MODALITIES.split("|"),
    ),
]
OriginOption = Annotated[
    str | None, typer.Option("--origin", help="Where it was published: a URL, package or paper.", show_default=False)
]

FolderArgument = Annotated[
    Path | None, typer.Argument(metavar="[FOLDER]", help="A new folder. Default: a folder named after the version.")
]
ToOption = Annotated[Path | None, typer.Option("--to", help="The same folder, given as an option.", show_default=False)]
T = TypeVar("T")


def either(argument: T | None, option_value: T | None, *, option: str) -> T | None:
    """The value, which may be given as an argument or as an option. Raises: UsageError when both are given."""
    if argument is not None and option_value is not None:
        raise UsageError(
            f"Both {str(argument)!r} and {option} {str(option_value)!r} were given", remedy="Leave one of them out"
        )
    return option_value if argument is None else argument


def model(text: str) -> Reference:
    """A reference to a model. Raises: BadReferenceError, BadNameError."""
    from registry.domain.names import AssetKind, Reference

    return Reference.parse(text, kind=AssetKind.MODELS)


def dataset(text: str) -> Reference:
    """A reference to a dataset. Raises: BadReferenceError, BadNameError."""
    from registry.domain.names import AssetKind, Reference

    return Reference.parse(text, kind=AssetKind.DATASETS)


def named(text: str) -> Name:
    """The name of a registered model, also where someone wrote its URI. Raises: BadReferenceError, BadNameError."""
    from registry.domain.names import Name

    return model(text).name if ":/" in text or "@" in text else Name.parse(text)


def modality(text: str | None) -> Modality | None:
    """The kind of input; None for none. Raises: UsageError."""
    if text is None:
        return None
    from registry.domain.catalog.models import Modality

    if text not in set(Modality):
        raise UsageError(f"--modality is {text[:80]!r}, and must be one of {', '.join(Modality)}")
    return Modality(text)


def importable(text: str) -> str:
    """What can be imported as a model: as `source`, from a Hub, or from a tracking server.

    Raises: as `source`, InvalidError.
    """
    from registry.domain.governance.hub import HubSource
    from registry.domain.governance.tracking import MLFLOW, TrackedSource
    from registry.domain.governance.upstream import HUB

    if not text.startswith((HUB, MLFLOW)):
        return source(text)
    if Path(text).exists():
        return f"./{text}"
    return str(HubSource.parse(text) if text.startswith(HUB) else TrackedSource.parse(text))


def source(text: str) -> str:
    """A path, or `package:NAME/inner/path`. Raises: NotFoundError for `pkg:…`, which is neither."""
    word, colon, rest = text.partition(":")
    if word == "hf" and colon and not Path(text).exists():
        named = rest.partition("@")[0] or "ORG/NAME"
        raise NotFoundError(
            f"{text[:200]!r} is not on this machine, and of a Hub only models are fetched",
            remedy=f"Download it first: hf download --repo-type dataset {named}. Then add the folder that this prints",
        )
    if colon and word.isalpha() and word != "package" and not Path(text).exists():
        near = f"Did you mean package:{rest}? " if rest and "package".startswith(word[:1].lower()) else ""
        raise NotFoundError(
            f"There is no file or folder {text!r}",
            remedy=f"{near}Write package:NAME/path for a file of an installed Python package",
        )
    return text


def paged(limit: int, cursor: str | None) -> PageRequest:
    """The page to list. Raises: UsageError."""
    from registry.domain.paging import PageRequest

    return PageRequest(limit, cursor)


def pairs(values: Sequence[str] | None, *, option: str) -> dict[str, str]:
    """`key=value` words; a bare `key` has the empty value. Raises: UsageError for the same key twice."""
    found: dict[str, str] = {}
    for value in values or ():
        key, _, text = value.partition("=")
        if not key or key in found:
            raise UsageError(
                f"{option} {value!r} has no key" if not key else f"{option} gives {key!r} twice",
                remedy=f"Write {option} key=value, each key once",
            )
        found[key] = text
    return found


def split_plan(shares: str | None, *, seed: int, column: str | None) -> SplitPlan:
    """`train=0.7,validation=0.1,test=0.2`. Raises: UsageError, InvalidError when the shares do not sum to 1."""
    from registry.domain.data.datasets import SplitPlan

    if shares is None:
        return SplitPlan(seed=seed, column=column)
    try:
        read = {key: float(share) for key, share in pairs(shares.split(","), option="--split").items()}
    except ValueError:
        raise UsageError(
            f"--split {shares!r} cannot be read", remedy="Write for example --split train=0.7,validation=0.1,test=0.2"
        ) from None
    return SplitPlan(read, seed, column)


def facts(body: Path | None, values: Sequence[str] | None) -> dict[str, object]:
    """The facts of a JSON file, and `key=value` words over them. Raises: UsageError, NotFoundError, InvalidError."""
    import json

    found: object = {}
    if body is not None:
        try:
            found = json.loads(document(body))
        except (ValueError, RecursionError) as error:
            raise InvalidError(f"{str(body)!r} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise InvalidError(f"{str(body)!r} is not a JSON object", remedy='Write for example {"accuracy": 0.93}')
    return {**found, **{key: scalar(text) for key, text in pairs(values, option="--set").items()}}


def opened(path: Path) -> BinaryIO:
    """A file to read bytes from. Raises: NotFoundError, UsageError for a folder."""
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise NotFoundError(f"There is no file {str(path)!r}") from None
    except IsADirectoryError:
        raise UsageError(f"{str(path)!r} is a folder, not a file") from None


def scalar(text: str) -> object:
    """A value as JSON where it is JSON (`0.93`, `true`, `[1, 2]`), else the text itself."""
    import json

    try:
        return json.loads(text)
    except ValueError:
        return text


def document(path: Path) -> str:
    """The text of a file; `-` is standard input.

    Raises: NotFoundError, TooLargeError, UsageError when it cannot be read as UTF-8 text.
    """
    try:
        if str(path) == "-":
            text = sys.stdin.read(MAX_DOCUMENT + 1)
        else:
            with path.open(encoding="utf-8") as file:
                text = file.read(MAX_DOCUMENT + 1)
    except FileNotFoundError:
        raise NotFoundError(f"There is no file {str(path)!r}") from None
    except IsADirectoryError:
        raise UsageError(f"{str(path)!r} is a folder, not a file") from None
    except UnicodeDecodeError:
        raise UsageError(f"{str(path)!r} is not a text file in UTF-8") from None
    except OSError as error:
        raise UsageError(f"{str(path)!r} cannot be read: {error.strerror}") from None
    if len(text) > MAX_DOCUMENT:
        raise TooLargeError(f"{str(path)!r} is longer than {MAX_DOCUMENT:,} characters")
    return text


def confirm(question: str, *, yes: bool) -> None:
    """Ask before something that cannot be undone; without a terminal `--yes` is needed. Raises: UsageError."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("This cannot be undone", remedy="Add --yes to confirm")
    typer.confirm(question, abort=True, err=True)


def days(text: str) -> int:
    """`90d` or `90`, as days. Raises: UsageError."""
    number = text.removesuffix("d")
    if not number.isdecimal() or len(number) > 5:
        raise UsageError(f"{text[:40]!r} is not a number of days", remedy="Write for example 90d")
    return int(number)
