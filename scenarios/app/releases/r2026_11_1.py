"""Release 2026.11.1: prices are shown with their currency. A good release."""

from __future__ import annotations

from starlette.applications import Starlette

from shop.main import build_app


def create_app() -> Starlette:
    """The application."""
    return build_app("2026.11.1")
