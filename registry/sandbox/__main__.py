"""`python -m registry.sandbox`: the converting process, started by `registry.sandbox.parent` and by nobody else."""

from registry.sandbox.child import main

main()
