"""A rush: many people who look around in the shop at the same time, each as fast as people do."""

from __future__ import annotations

import random

from locust import FastHttpUser, task

SKUS = tuple(f"tea-{number:03}" for number in range(1, 21))
THINK_S = (0.06, 0.12)


class Visitor(FastHttpUser):
    """Someone who looks around."""

    connection_timeout = 2.0
    network_timeout = 2.0

    def wait_time(self) -> float:
        """Seconds to think."""
        return random.uniform(*THINK_S)  # noqa: S311  no secret is made of it

    @task
    def browse(self) -> None:
        """Look at the list, or at one product."""
        if random.random() < 0.2:  # noqa: PLR2004, S311  one in five; no secret
            self.client.get("/products")
        else:
            self.client.get(f"/products/{random.choice(SKUS)}", name="/products/{sku}")  # noqa: S311  no secret
