"""What the compose stack can stand, without any engine."""

from __future__ import annotations

import pytest

from drillbook.app import NEEDS
from drillbook.backends.compose.stack import APP, absent
from drillbook.faults.bad_release import BadRelease
from drillbook.faults.bad_variable import BadVariable
from drillbook.faults.flood import FloodOfRequests
from drillbook.faults.low_cpu_limit import LowCpuLimit
from drillbook.faults.low_memory_limit import LowMemoryLimit
from drillbook.protocols import Scenario, Variant
from drillbook.registry import scenarios

WHAT_A_PLATFORM_DOES = (BadRelease, BadVariable, FloodOfRequests, LowCpuLimit, LowMemoryLimit)
VARIANTS = [(scenario, variant) for scenario in scenarios().values() for variant in scenario.variants]


def test_what_it_offers_is_a_part_of_what_the_shop_has() -> None:
    assert set(APP.offers) < set(NEEDS)
    assert APP.is_shop


@pytest.mark.parametrize(("scenario", "variant"), VARIANTS, ids=lambda value: value.name)
def test_a_fault_that_takes_a_platform_says_so_by_its_needs(scenario: Scenario, variant: Variant) -> None:
    if isinstance(variant.fault(), WHAT_A_PLATFORM_DOES):
        assert absent(scenario, variant)


def test_most_faults_of_the_database_and_the_cache_lack_nothing() -> None:
    able = [variant for scenario, variant in VARIANTS if not absent(scenario, variant)]
    assert len(able) >= len(VARIANTS) // 2
