"""Registered models, their versions and licences."""
