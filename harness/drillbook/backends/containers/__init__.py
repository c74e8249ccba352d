"""The parts of the `docker` backend: containers that share one network, and what runs in each."""
