"""Transformers: text encoders, importing Hugging Face folders, and transfers of texts."""
