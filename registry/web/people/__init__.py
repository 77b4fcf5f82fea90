"""Signing in, signing out, and where people are signed in."""
