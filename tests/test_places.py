"""Places for drills that run side by side."""

from __future__ import annotations

import asyncio

from drillbook.places import Places, cores


def test_no_more_run_side_by_side_than_there_are_places() -> None:
    async def check() -> int:
        places, running, most = Places(2), 0, 0

        async def work() -> None:
            nonlocal running, most
            async with places.one():
                running += 1
                most = max(most, running)
                await asyncio.sleep(0)
                running -= 1

        await asyncio.gather(*(work() for _ in range(6)))
        return most

    assert asyncio.run(check()) == 2


def test_who_has_all_places_is_alone_and_two_who_want_that_do_not_block_one_another() -> None:
    async def check() -> list[str]:
        places, told = Places(3), list[str]()

        async def beside(name: str) -> None:
            async with places.one():
                told.append(f"{name} begins")
                await asyncio.sleep(0)
                told.append(f"{name} ends")

        async def alone(name: str) -> None:
            async with places.all():
                told.append(f"{name} begins")
                await asyncio.sleep(0.01)
                told.append(f"{name} ends")

        async with asyncio.timeout(5):
            await asyncio.gather(beside("a"), alone("X"), beside("b"), alone("Y"), beside("c"), beside("d"))
        return told

    told = asyncio.run(check())
    for name in ("X", "Y"):
        place = told.index(f"{name} begins")
        assert told[place + 1] == f"{name} ends"
    assert len(told) == 12


def test_there_is_at_least_one_core() -> None:
    assert cores() >= 1
