"""A partner's program that sends its whole year's orders in one body, where one order at a time is taken.

What it sends is JSON, and no order; it is refused each time, and sends it again.
"""

from __future__ import annotations

from locust import FastHttpUser, constant, task

LISTS = 3_300_000
BODY = "[" + "[]," * LISTS + "[]]"


class Partner(FastHttpUser):
    """One of its connections."""

    wait_time = constant(0.1)
    connection_timeout = 2.0
    network_timeout = 5.0

    @task
    def upload(self) -> None:
        """Send everything."""
        self.client.post("/orders", data=BODY, headers={"Content-Type": "application/json"})
