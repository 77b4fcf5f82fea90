"""Keras 3 models on its torch backend: `.keras` archives come in, are transferred by the shared loop, and go out."""
