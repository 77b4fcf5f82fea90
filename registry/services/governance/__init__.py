"""Policies, evidence, requests and votes."""
