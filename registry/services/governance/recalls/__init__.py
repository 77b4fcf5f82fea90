"""Recalls: what is taken back, what it reaches, and what becomes of that."""
