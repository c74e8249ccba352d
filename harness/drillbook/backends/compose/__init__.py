"""A running stack of docker-compose.yml, as faults see it: it was started by somebody else, and stays theirs.

Nothing here creates or removes a container. It reaches the parts on the ports that they publish, and asks
the engine only to kill, start, pause and look into them.
"""
