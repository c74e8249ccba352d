"""The labels by which Drillbook knows what is its own on an engine."""

from __future__ import annotations

OURS = "org.drillbook"
"""On every container, network and volume that Drillbook makes."""

RUN = "org.drillbook.run"
"""The run that something belongs to."""

OWNER = "org.drillbook.owner"
"""The command that made it, as `HOST PID BEGAN`; BEGAN in seconds of the epoch, since a PID is used again."""

DRILL = "org.drillbook.drill"
"""The drill of that run."""

IMAGE = "org.drillbook.image"
"""On images, in place of `OURS`: a container has its image's labels too, whoever starts it."""

RECIPE = "org.drillbook.recipe"
"""The hash of the recipe that an image was made by."""

BINDIR = "org.drillbook.postgres.bindir"
"""Where an image has PostgreSQL's programs."""

FAKETIME = "org.drillbook.faketime"
"""Where an image has libfaketime."""


def marks(run: str, drill: str | None = None, *, owner: str = "") -> dict[str, str]:
    """The labels of what belongs to `run`, which the command `owner` carries out, and to `drill` of it."""
    labels = {OURS: "1", RUN: run, OWNER: owner}
    return labels if drill is None else {**labels, DRILL: drill}
