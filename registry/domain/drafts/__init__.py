"""Drafts: files that people send by the protocol of the Hugging Face Hub, until a version is made of them."""
