"""Walks of the graph."""
