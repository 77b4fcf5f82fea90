"""Recipes and other documents as YAML that this registry reads back as they were."""

from __future__ import annotations

import re

import yaml


class _Dumper(yaml.SafeDumper):
    """Puts text in quotes that readers of YAML 1.2, ours among them, take for a number: `1e5`."""


_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)[eE][-+]?[0-9]+$"),
    list("-+.0123456789"),
)


def as_yaml(data: object) -> str:
    """`data` (JSON values) as YAML, keys in their order."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True)
