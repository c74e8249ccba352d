"""The faults: one way to break the stack a file.

A fault injects, confirms that it took, says whether its cause is still there, and heals. It acts only on the
stack that it is given, and never judges the runbook.
"""
