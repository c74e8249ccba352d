"""The pytest plugin: a plan file is collected, a drill of it is an item, its verdict is the outcome.

A known gap that shows is an expected failure. Nothing of drillbook is imported before a plan is found.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from drillbook.plan import Plan, PlannedDrill
    from drillbook.result import DrillResult
    from drillbook.schedule import Slot

_KEYS = ("runbook:", "drills:")


class DrillFailedError(Exception):
    """Raised when a drill's verdict is not what its plan expects."""


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> PlanFile | None:
    """Collect `file_path` if it is a plan: YAML with a runbook and drills at its top level."""
    if file_path.suffix not in (".yaml", ".yml"):
        return None
    lines = file_path.read_text("utf-8", "replace").splitlines()
    if not all(any(line.startswith(key) for line in lines) for key in _KEYS):
        return None
    return PlanFile.from_parent(parent, path=file_path)


class PlanFile(pytest.File):
    """A plan; its items are its drills."""

    def collect(self) -> Iterator[DrillItem]:
        """An item a drill, under the name `scenario/variant`."""
        from drillbook.errors import InputError  # noqa: PLC0415  see above
        from drillbook.plan import load_plan  # noqa: PLC0415

        try:
            plan = load_plan(self.path)
        except InputError as error:
            raise self.CollectError(error.render()) from error
        for drill in plan.drills:
            name = f"{drill.scenario.name}/{drill.variant.name}"
            yield DrillItem.from_parent(self, name=name, plan=plan, drill=drill)


class DrillItem(pytest.Item):
    """One drill, with its control."""

    def __init__(self, *, plan: Plan, drill: PlannedDrill, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._plan = plan
        self._drill = drill

    def runtest(self) -> None:
        """Carry out the drill.

        Raises:
            DrillFailedError: its verdict is not what the plan expects.
        """
        result = self._carry_out()
        if result.verdict == "NOT_APPLICABLE":
            pytest.skip(f"not applicable: {result.reason}")
        self.add_report_section("call", "drill", f"report: {result.run_dir}/postmortem.html")
        if not result.expected:
            raise DrillFailedError(f"{result.verdict}: {result.reason}")
        if result.known_gap:
            pytest.xfail(f"known gap: {result.known_gap}")

    def _carry_out(self) -> DrillResult:
        from drillbook.run import Run  # noqa: PLC0415  see above
        from drillbook.schedule import Options, slots  # noqa: PLC0415
        from drillbook.stack.sandbox import reason_against  # noqa: PLC0415

        reason = reason_against()
        if reason is not None:
            raise DrillFailedError(f"no sandbox can be had here: {reason}")
        out = Path(tempfile.mkdtemp(prefix="drillbook-results-"))
        run = Run(slots(self._plan, [self._drill], 1, out), Options(), out, _Quiet())
        results = run.carry_out()
        if run.interrupted_by or not results:
            raise KeyboardInterrupt
        return results[0]

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *args: Any) -> Any:
        """A failed drill in one line; anything else as pytest shows it."""
        if isinstance(excinfo.value, DrillFailedError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, *args)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the plan names the drill."""
        return self.path, self._drill.line - 1, self.name


class _Quiet:
    """An onlooker that says nothing: pytest reports."""

    def began(self, slot: Slot, *, control: bool) -> None:
        """A drill, or its control, begins."""

    def told(self, slot: Slot, news: Mapping[str, Any]) -> None:
        """A drill's worker says something."""

    def ended(self, slot: Slot, result: DrillResult) -> None:
        """A drill has its result."""
