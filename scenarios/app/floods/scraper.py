"""A program that copies the catalogue, page after page, without a pause and without ever being done.

It does not care what it is answered: a page that it did not get comes round again.
"""

from __future__ import annotations

from itertools import cycle

from locust import FastHttpUser, constant, task

SKUS = tuple(f"tea-{number:03}" for number in range(1, 21))


class Scraper(FastHttpUser):
    """One of its connections."""

    wait_time = constant(0)
    connection_timeout = 2.0
    network_timeout = 2.0

    def on_start(self) -> None:
        """Begin with the first page."""
        self.pages = cycle(SKUS)

    @task
    def copy(self) -> None:
        """Fetch the next page."""
        self.client.get(f"/products/{next(self.pages)}", name="/products/{sku}")
