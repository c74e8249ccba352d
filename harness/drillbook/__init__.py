"""Drillbook runs fire drills on incident runbooks."""

__version__ = "0.1.0"
