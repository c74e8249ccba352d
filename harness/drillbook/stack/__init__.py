"""The parts of the stack that the harness itself starts, and the sandbox in which they run."""
