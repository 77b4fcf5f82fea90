"""Drafts: what people send by the protocol of the Hub, and the versions that are made of it."""
