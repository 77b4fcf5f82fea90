"""Recalls, over the nodes and edges of the graph."""
