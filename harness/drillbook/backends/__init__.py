"""The backends: where the stack of a drill runs."""
