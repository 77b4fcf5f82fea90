"""The protocol of MLflow's model registry: stock clients with `MLFLOW_REGISTRY_URI` work with governed versions here.

Nothing here imports MLflow: what its clients send and read was taken from mlflow 3.17.2 and tried with it.
"""

from __future__ import annotations

_BEGINNINGS = ("/api/2.0/mlflow/", "/api/2.0/mlflow-artifacts/", "/api/3.0/mlflow/")


def is_mlflow(path: str) -> bool:
    """True for an address of MLflow's protocol: its answers are for programs, and are not in our own words."""
    return path.startswith(_BEGINNINGS)
