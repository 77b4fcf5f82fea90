"""Recipes: settings of a transfer, and what each method takes."""
