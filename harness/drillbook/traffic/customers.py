"""The customers that Locust has let in, numbered in their order of arrival, each with chances of their own.

Locust and locustfiles draw from one generator, so what a customer does would depend on who was answered
first. Imported by the runner alone, since it needs gevent.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import gevent  # type: ignore[import-untyped]  # it comes without types
from gevent.pool import Group  # type: ignore[import-untyped]  # the same


class Customers(Group):  # type: ignore[misc]  # as far as types go, Group is anything
    """The group of greenlets that Locust's runner keeps its users in."""

    def __init__(self) -> None:
        super().__init__()
        self._arrived = 0
        self._numbers: WeakKeyDictionary[gevent.Greenlet, int] = WeakKeyDictionary()

    def add(self, greenlet: gevent.Greenlet) -> None:
        """Let one in. Called when the customer is made, before anything that they do."""
        self._arrived += 1
        self._numbers[greenlet] = self._arrived
        super().add(greenlet)

    def current(self) -> int | None:
        """The number, from 1, of the customer that runs now, or None where it is no customer that runs."""
        current = gevent.getcurrent()
        return self._numbers.get(current) if isinstance(current, gevent.Greenlet) else None


class Chances:
    """A random generator for each customer, and one for all that is no customer's.

    Args:
        current: the number of the customer that runs now, or None.
        seed: makes them repeatable; each customer's depends on it and on their number alone.
    """

    def __init__(self, current: Callable[[], int | None], seed: int) -> None:
        self._current = current
        self._seed = seed
        self._given: dict[int | None, random.Random] = {}

    def own(self) -> random.Random:
        """The generator of the customer that runs now."""
        number = self._current()
        if number not in self._given:
            self._given[number] = random.Random(f"{self._seed} {number}")  # noqa: S311  no secret is made of it
        return self._given[number]

    def install(self) -> None:
        """From now on, each function of the module `random` draws from the current customer's generator."""
        for name in random.__all__:
            # Those bound to the generator that all of the process shares; the rest are classes.
            if isinstance(getattr(getattr(random, name), "__self__", None), random.Random):
                setattr(random, name, self._of_own(name))

    def _of_own(self, name: str) -> Callable[..., Any]:
        def draw(*arguments: Any, **named: Any) -> Any:
            return getattr(self.own(), name)(*arguments, **named)

        draw.__name__ = name
        return draw
