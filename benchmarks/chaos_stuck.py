"""The actions and probes of the Chaos Toolkit experiment; loaded by `chaos` itself."""

from __future__ import annotations

import http
import json
import os
import time
import urllib.error
import urllib.request
from pathlib import Path

import psycopg

SETTINGS: dict[str, str] = json.loads(os.environ["CHAOS_SETTINGS"])
_held: list[psycopg.Connection[tuple[object, ...]]] = []


def hold() -> bool:
    """Update the hot product in a transaction, leave it open, and make it 11 minutes old."""
    connection = psycopg.connect(SETTINGS["app_role"], application_name="back-office")
    connection.execute("UPDATE products SET on_hand = on_hand WHERE sku = 'tea-001'")
    _held.append(connection)
    clock = Path(SETTINGS["clock"])
    fresh = clock.with_suffix(".chaos")
    fresh.write_text("+660\n")
    fresh.rename(clock)
    return True


def order() -> int:
    """Place an order; its status, or 0 where there is no answer within half a second."""
    body = json.dumps({"sku": "tea-001", "quantity": 1, "customer": "chaos"}).encode()
    request = urllib.request.Request(
        f"{SETTINGS['app_url']}/orders", data=body, headers={"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=0.5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return int(error.code)
    except OSError:
        return 0


def wait_until_orders_fail() -> bool:
    """Wait until an order fails, for 10 seconds at most."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if order() != http.HTTPStatus.CREATED:
            return True
    return False
