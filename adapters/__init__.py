"""The frameworks: each package integrates the library that it is named after, behind the ports of `registry.ports`."""
