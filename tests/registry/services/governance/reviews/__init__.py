"""Tests of what is reviewed around a promotion."""
