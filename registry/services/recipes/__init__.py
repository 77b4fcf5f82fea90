"""Recipes: reading, defaults, rules, and resolving what they name."""
