"""Places for drills that run side by side."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from drillbook.places import Places, SharedPlaces, cores


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


def test_processes_share_their_places_and_who_has_all_of_them_is_alone(tmp_path: Path) -> None:
    """Two objects stand for two processes: what is locked is the file that each of them has opened."""
    here, there = SharedPlaces(tmp_path, 2), SharedPlaces(tmp_path, 2)

    async def check() -> list[str]:
        told, running = list[str](), 0

        async def beside(places: SharedPlaces) -> None:
            nonlocal running
            async with places.one():
                running += 1
                told.append(f"{running} beside")
                await asyncio.sleep(0.1)
                running -= 1

        async def alone(places: SharedPlaces) -> None:
            async with places.all():
                told.append(f"alone with {running}")
                await asyncio.sleep(0.05)
                told.append(f"still with {running}")

        many = [beside(places) for places in (here, there, here, there)]
        await asyncio.wait_for(asyncio.gather(*many, alone(here), alone(there)), 20)
        return told

    told = asyncio.run(check())
    assert sorted(set(told)) == ["1 beside", "2 beside", "alone with 0", "still with 0"]
    assert [line for line in told if "with" in line] == ["alone with 0", "still with 0"] * 2


def test_a_place_is_free_once_its_process_is_killed(tmp_path: Path) -> None:
    code = (
        "import asyncio, pathlib, sys\nfrom drillbook.places import SharedPlaces\n"
        "async def hold():\n"
        "    async with SharedPlaces(pathlib.Path(sys.argv[1]), 1).one():\n"
        "        print('held', flush=True)\n"
        "        await asyncio.sleep(60)\n"
        "asyncio.run(hold())\n"
    )

    async def take() -> None:
        async with SharedPlaces(tmp_path, 1).one():
            pass

    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"held\n"
            with pytest.raises(TimeoutError):
                asyncio.run(asyncio.wait_for(take(), 0.3))
        finally:
            holder.kill()
    asyncio.run(asyncio.wait_for(take(), 10))
