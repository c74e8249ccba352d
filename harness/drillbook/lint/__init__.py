"""Lint: what is worth mending in a runbook, found by reading it.

Nothing in this package runs a command of the runbook or changes a file.
"""
