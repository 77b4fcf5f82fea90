"""The notice that goes with a version: the texts of licences and the copyright lines of all that it was made from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from registry.domain.names import VersionRef

MOST_BYTES = 256 * 1024
"""A larger file is no text of a licence."""
MOST_FILES = 20
"""Files of one version that are read."""
_NAMED = re.compile(r"(licen[cs]es?|notices?|copying|copyrights?)([._-][^/]*)?", re.IGNORECASE)
_LINE = re.compile(r"\W*(copyright\s*(\(c\)|©|\d{4}|:)|©|\(c\)\s+\d{4}).*", re.IGNORECASE)
_TEMPLATE = re.compile(r"[<\[{](year|yyyy|name|copyright)", re.IGNORECASE)
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class NoticePart:
    """One model or dataset that something is owed to: the version itself, or what it came from.

    `copyright` are the lines of its own texts, `files` the names of those texts.
    """

    label: str
    licence: str
    source: str
    """Where it was imported from; empty where that is not known."""
    copyright: tuple[str, ...]
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NoticeText:
    """One text, once, however many versions have it. `found_in` are `label: file`.

    `standard` is the SPDX id of a text that is on no file and comes from the SPDX list; else it is empty.
    """

    found_in: tuple[str, ...]
    text: str
    standard: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """What has to be passed on with a version, as far as it is on record.

    `missing` says in sentences what is not. `complete` is False where the ancestry was too large to be read whole.
    """

    ref: VersionRef
    parts: tuple[NoticePart, ...]
    texts: tuple[NoticeText, ...]
    missing: tuple[str, ...]
    complete: bool


PUBLISHED: Mapping[str, str] = {
    "LicenseRef-scancode-openmdw-1.0": "OpenMDW License Agreement, version 1.0",
    "LicenseRef-scancode-bigscience-open-rail-m": "BigScience OpenRAIL-M License",
    "LicenseRef-scancode-bigscience-rail-1.0": "BigScience RAIL License v1.0",
    "LicenseRef-scancode-bigcode-open-rail-m-v1": "BigCode OpenRAIL-M v1 License Agreement",
    "LicenseRef-scancode-stable-diffusion-2022-08-22": "CreativeML Open RAIL-M, dated August 22, 2022",
    "LicenseRef-openrail-plus-plus-m": "CreativeML Open RAIL++-M License",
    "LicenseRef-scancode-llama-2-license-2023": "Llama 2 Community License Agreement of Meta, with its use policy",
    "LicenseRef-llama-3": "Meta Llama 3 Community License Agreement, with its use policy",
    "LicenseRef-scancode-llama-3.1-license-2024": "Llama 3.1 Community License Agreement of Meta, with its use policy",
    "LicenseRef-scancode-llama-3.2-license-2024": "Llama 3.2 Community License Agreement of Meta, with its use policy",
    "LicenseRef-scancode-llama-3.3-license-2024": "Llama 3.3 Community License Agreement of Meta, with its use policy",
    "LicenseRef-scancode-llama-4-cla-2025": "Llama 4 Community License Agreement of Meta, with its use policy",
    "LicenseRef-scancode-gemma-tou-2024-04-01": "Gemma Terms of Use of Google, with its prohibited use policy",
    "LicenseRef-deepfloyd-if": "DeepFloyd IF License Agreement of Stability AI",
    "LicenseRef-apple-amlr": "Apple Machine Learning Research Model License Agreement",
    "LicenseRef-apple-ascl": "Apple Sample Code License",
    "LicenseRef-intel-research": "Intel Research Use License Agreement",
    "LicenseRef-fair-noncommercial-research": "FAIR Noncommercial Research License of Meta",
    "LicenseRef-grok2-community": "Grok 2 Community License Agreement of xAI",
}
"""The names under which licences that are not on the SPDX list were published by their authors."""


def is_notice(path: str) -> bool:
    """True for a file that by its name holds a licence, a notice or copyright lines."""
    return _NAMED.fullmatch(path.rpartition("/")[2]) is not None


def copyright_lines(text: str) -> Iterator[str]:
    """The lines of a text that say whose the copyright is, but for blanks of a form that nobody filled in."""
    for line in text.splitlines():
        stripped = " ".join(line.split()).strip("#*/-; ")
        if _LINE.fullmatch(stripped) and not _TEMPLATE.search(stripped):
            yield stripped[:_LONGEST]
