"""The read door of the Hugging Face Hub's protocol: stock clients with `HF_ENDPOINT` read governed revisions here."""

from __future__ import annotations

import re

_ADDRESS = re.compile(r"/api/(?:models|datasets|whoami-v2)(?:/.*)?|/(?:datasets/)?[^/]+/[^/]+/resolve/.+")


def is_hub(path: str) -> bool:
    """True for an address of the Hub's protocol: its answers are for programs, and are not in our own words."""
    return _ADDRESS.fullmatch(path) is not None
