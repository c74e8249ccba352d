"""The shop's phone app, woken on many phones at once by a push message: each wants three pages, then rests.

Where it is refused it asks again at once, without a pause and without an end, whatever Retry-After says.
"""

from __future__ import annotations

from locust import FastHttpUser, constant, task

PAGES = ("/products", "/products/tea-001", "/products/tea-002")
REST_S = 30.0
TRY_AGAIN = frozenset((0, 429, 502, 503))


class Phone(FastHttpUser):
    """The app on one phone."""

    wait_time = constant(REST_S)
    connection_timeout = 2.0
    network_timeout = 2.0

    @task
    def refresh(self) -> None:
        """Fetch its pages one after the other, however often each takes."""
        for page in PAGES:
            while self.client.get(page).status_code in TRY_AGAIN:
                pass
