"""Texts as tokens, and words as places among them."""
