"""What a drill costs, measured on this machine: `python -m benchmarks` (or `make bench`)."""
