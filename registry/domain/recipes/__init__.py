"""Recipes: what a transfer is asked to do, and what each method takes."""
