"""The runbook: from a team's Markdown to values that the rest of drillbook can carry out.

Nothing in this package runs a command or changes a file.
"""
