"""`python -m registry.cli` is `forebear`."""

from registry.cli import main

main()
