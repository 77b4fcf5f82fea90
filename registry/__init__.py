"""Forebear: a governed model registry and catalog with lineage, for teams that build models by transfer learning."""

__version__ = "0.1.0"
