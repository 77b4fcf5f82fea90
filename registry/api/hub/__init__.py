"""The protocol of the Hugging Face Hub: stock clients with `HF_ENDPOINT` read governed revisions, and write drafts."""

from __future__ import annotations

import re

SIGNED = "/api/lfs/"
"""What the addresses that carry a signature instead of a token begin with."""
_ADDRESS = re.compile(
    r"/api/(?:models|datasets|whoami-v2|repos|validate-yaml|lfs|xet)(?:/.*)?"
    r"|/(?:datasets/)?[^/]+/[^/]+/(?:resolve/|info/lfs/).+"
)


def is_hub(path: str) -> bool:
    """True for an address of the Hub's protocol: its answers are for programs, and are not in our own words."""
    return _ADDRESS.fullmatch(path) is not None
