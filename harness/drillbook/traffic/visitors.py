"""The customers of an app of which only some paths are known: an ordinary locustfile. They visit those.

It is told the paths in `DRILLBOOK_PATHS`, and must not import anything of drillbook.
"""

from __future__ import annotations

import json
import os
import random

from locust import FastHttpUser, between, task

PATHS: list[str] = json.loads(os.environ.get("DRILLBOOK_PATHS", '["/"]'))


class Visitor(FastHttpUser):
    """Someone who looks at one page after the other."""

    connection_timeout = 2.0
    network_timeout = 2.0
    wait_time = between(0.1, 0.3)

    @task
    def visit(self) -> None:
        """Look at one of the pages."""
        self.client.get(random.choice(PATHS))  # noqa: S311  no secret is made of it
