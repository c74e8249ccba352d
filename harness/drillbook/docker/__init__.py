"""The Docker engine: where it is, which images there are for which role, and the offline set.

Nothing here knows what a drill is. docker-py is an extra: what is imported without it says so in a line.
"""
