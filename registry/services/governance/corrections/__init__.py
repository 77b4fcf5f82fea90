"""Corrections of the graph: who may make one, and what follows from it."""
