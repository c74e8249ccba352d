"""How busy the processors are, as the machine itself counts."""

from __future__ import annotations

import multiprocessing
import time

import pytest

from drillbook.occupancy import Occupancy
from drillbook.places import cores

pytestmark = pytest.mark.whole


def spin(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def test_processors_that_all_work_are_used_to_the_full() -> None:
    occupancy = Occupancy()
    workers = [multiprocessing.Process(target=spin, args=(1.0,)) for _ in range(cores())]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert occupancy.share() > 0.7, "starting and joining takes a part of it"


def test_the_share_is_one_of_the_whole() -> None:
    occupancy = Occupancy()
    assert 0 <= occupancy.share() <= 1
    time.sleep(0.05)  # so that there is time to have a share of
    assert 0 <= occupancy.share() <= 1
