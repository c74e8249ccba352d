"""The shop's phone app, woken on many phones at once by a push message: each wants one page, then rests.

Where it is refused it asks again at once, without a pause and without an end, whatever Retry-After says.
"""

from __future__ import annotations

from locust import FastHttpUser, constant, task

REST_S = 15.0
TRY_AGAIN = frozenset((0, 429, 502, 503))


class Phone(FastHttpUser):
    """The app on one phone."""

    wait_time = constant(REST_S)
    connection_timeout = 2.0
    network_timeout = 2.0

    @task
    def refresh(self) -> None:
        """Fetch the list, however often it takes."""
        while self.client.get("/products").status_code in TRY_AGAIN:
            pass
