"""Forebear in Python: `connect(…)` gives the models, datasets, transfers and promotions of a registry as objects.

    import forebear

    registry = forebear.connect("https://models.example.com")
    version = registry.version("vision/digits@production")
    version.pull("digits")

The same objects work over a server and over a registry folder. docs/python.md shows all of them.
"""

from forebear.connecting import connect
from forebear.data import Dataset
from forebear.models import Lineage, Model, Version
from forebear.recording import Recording, log_transfer
from forebear.registry import Registry
from forebear.work import Promotion, Transfer
from registry import __version__

__all__ = [
    "Dataset",
    "Lineage",
    "Model",
    "Promotion",
    "Recording",
    "Registry",
    "Transfer",
    "Version",
    "__version__",
    "connect",
    "log_transfer",
]
