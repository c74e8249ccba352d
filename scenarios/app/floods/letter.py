"""Readers of a letter whose link has a typing error: each asks for another page that there is not."""

from __future__ import annotations

import random

from locust import FastHttpUser, constant, task


class Reader(FastHttpUser):
    """One reader after the other."""

    wait_time = constant(0.05)
    connection_timeout = 2.0
    network_timeout = 2.0

    @task
    def follow(self) -> None:
        """Follow the link of one's own letter."""
        reader = random.randrange(10**9)  # noqa: S311  no secret is made of it
        self.client.get(f"/products/tea-oo1?reader={reader}", name="/products/tea-oo1")
