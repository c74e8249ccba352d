"""The customers of the order service: an ordinary locustfile. They log in, browse, order and look orders up.

Drillbook gives every customer random numbers of their own, so what one does is the same for the same seed,
whatever the others do.
"""

from __future__ import annotations

import random

from locust import FastHttpUser, task

SKUS = tuple(f"tea-{number:03}" for number in range(1, 21))
BEST_SELLER = SKUS[0]
BEST_SELLER_SHARE = 0.5  # of the orders
THINK_S = (0.05, 0.15)


class Customer(FastHttpUser):
    """Someone who buys tea."""

    connection_timeout = 2.0
    network_timeout = 2.0

    def on_start(self) -> None:
        """Log in."""
        self.random = random.Random(random.random())  # noqa: S311  no secret is made of it
        self.customer = f"+49151{self.random.randrange(10**7):07}"
        self.client.post("/login", json={"customer": self.customer})

    def wait_time(self) -> float:
        """Seconds to think."""
        return self.random.uniform(*THINK_S)

    @task(3)
    def browse(self) -> None:
        """Look at the list, or at one product."""
        if self.random.random() < 0.2:  # noqa: PLR2004  one in five
            self.client.get("/products")
        else:
            self.client.get(f"/products/{self.random.choice(SKUS)}", name="/products/{sku}")

    @task(2)
    def order(self) -> None:
        """Order something, as a rule the best-selling tea, and look the order up."""
        best = self.random.random() < BEST_SELLER_SHARE
        wish = {
            "sku": BEST_SELLER if best else self.random.choice(SKUS[1:]),
            "quantity": self.random.randint(1, 3),
            "customer": self.customer,
        }
        response = self.client.post("/orders", json=wish)
        if response.status_code == 201 and response.headers:  # noqa: PLR2004  created
            self.client.get(str(response.headers["Location"]), name="/orders/{id}")
