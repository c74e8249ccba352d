"""Release 2026.11.4: the sales of the day are reported to accounting. A bad release.

The report was a script before, and ends the process where its folder is not there, as a script may. As a
job of the service it takes the service with it, a moment after each start.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from starlette.applications import Starlette

from releases.r2026_11_2 import ROUTES_WITH_RECEIPTS
from shop.main import build_app
from shop.service import Shop

_WARM_UP_S = 0.1
_EVERY_S = 3600.0
_SALES = "SELECT sku, sum(quantity) FROM orders WHERE created_at > now() - interval '1 day' GROUP BY sku"


def write(report: Path, lines: list[str]) -> None:
    """Write the file `report`."""
    if not report.parent.is_dir():
        sys.exit(f"sales report: there is no folder {report.parent}")
    report.write_text("".join(lines))


async def report_sales(shop: Shop) -> None:
    """Report once the service is warm, and then every hour."""
    report = Path(os.environ.get("REPORTS_FOLDER", "/var/spool/accounting")) / "sales.csv"
    await asyncio.sleep(_WARM_UP_S)
    while True:
        async with shop.database.transaction() as connection:
            cursor = await connection.execute(_SALES)
            lines = [f"{sku};{sold}\n" for sku, sold in await cursor.fetchall()]
        write(report, lines)
        await asyncio.sleep(_EVERY_S)


def create_app() -> Starlette:
    """The application."""
    return build_app("2026.11.4", routes=ROUTES_WITH_RECEIPTS, jobs=[report_sales])
