"""Adapters: each package integrates the library that it is named after and implements ports of `registry.ports`."""
