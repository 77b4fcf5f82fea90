"""The optional parts of Forebear: the name of each extra, and the packages that it installs."""

from __future__ import annotations

EXTRAS = {
    "torch": ("torch", "PIL"),
    "transformers": ("transformers", "tokenizers"),
    "keras": ("keras", "h5py"),
    "peft": ("peft",),
    "dvc": ("dvc", "dvc_data", "pyarrow"),
    "mlflow": ("mlflow",),
    "onnx": ("onnx",),
    "h5": ("h5py",),
    "gensim": ("gensim",),
    "server": ("fastapi", "uvicorn", "jinja2"),
    "postgres": ("psycopg",),
}
