"""The keeper: the process that keeps one stack up for a test, and breaks and heals it when it is told to.

`python -m drillbook.keeper SPEC [--variant SCENARIO/VARIANT] [--customers]` starts the stack of the spec in
the file SPEC, set up as the variant wants it, lets the customers in, and tells where it is. Then each line on
its standard input is a wish as JSON, answered by a line on its standard output; at that input's end it takes
the stack down. It judges nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from drillbook.app import app_of, unmet, why_not
from drillbook.backends.local import LocalStack
from drillbook.errors import DrillbookError, FaultNotTaken, InputError, NotApplicable, StackError
from drillbook.events import FaultChanged
from drillbook.journal import Journal, build
from drillbook.model import ExitCode, Json
from drillbook.protocols import Fault, Setup, Variant
from drillbook.registry import scenario as find_scenario
from drillbook.spec import DrillSpec
from drillbook.traffic.locust import Traffic

# Longer than any test takes; they are sent away with the stack.
_CUSTOMERS_LIMIT_S = 3600.0
_UNDER_TRAFFIC = "it may take customers to show: @pytest.mark.drillbook_stack(customers=True)"


class Keeper:
    """Keeps `stack`, and knows what of it is broken.

    Args:
        spec: the stack; what it says of a drill does not count.
        journal: takes what happens.
        setup: in what the stack differs from the ordinary one.
        customers: whether there is traffic.
    """

    def __init__(self, spec: DrillSpec, journal: Journal, setup: Setup, *, customers: bool) -> None:
        self._own = Path(spec.scenarios) if spec.scenarios is not None else None
        self._journal = journal
        self._role = spec.header.operator_role
        self._setup = setup
        self._faults: dict[str, tuple[Variant, Fault]] = {}
        self.stack = LocalStack(spec, journal, setup)
        self._traffic: Traffic | None = None
        if customers:
            self._traffic = Traffic(
                journal,
                self.stack.url,
                locustfile=Path(spec.locustfile),
                users=spec.users,
                seed=spec.header.seed,
                limit_s=_CUSTOMERS_LIMIT_S,
                log=Path(spec.logs) / "traffic.log",
                paths=spec.own_app.paths if spec.own_app is not None else (),
            )

    async def start(self) -> None:
        """Start the stack, and let the customers in.

        Raises:
            DrillbookError: a part does not start.
        """
        await self.stack.start()
        if self._traffic is not None:
            await self._traffic.start()

    async def stop(self) -> None:
        """Send the customers away, and end the stack.

        Raises:
            StackError: a part did not end.
        """
        try:
            if self._traffic is not None:
                await self._traffic.stop()
        finally:
            await self.stack.stop()

    def addresses(self) -> dict[str, Json]:
        """Where the stack is, under the names that an on-call engineer knows it by."""
        database = self.stack.database.url(self._role)
        return {"DATABASE_URL": database, "REDIS_URL": self.stack.cache.url(), "APP_URL": self.stack.url}

    async def answer(self, wish: Mapping[str, Any]) -> Json:
        """Do what `wish` asks for; the answer.

        Raises:
            DrillbookError: it can't be done.
        """
        name = str(wish["variant"])
        if wish["do"] == "inject":
            return await self._inject(name)
        variant, fault = self._faults[name]
        if wish["do"] == "cause":
            return await fault.cause(self.stack)
        if wish["do"] == "cure":
            await variant.reference_cure(self.stack, fault)
        if wish["do"] == "heal":
            del self._faults[name]
            await fault.heal(self.stack)
            self._journal.write(FaultChanged(fault.name, "healed"))
        return None

    async def _inject(self, name: str) -> Json:
        variant = variant_of(name, self._own)
        if name in self._faults:
            raise InputError(f"{name} is injected already", hint="leave its `with` block first")
        if variant.setup not in (Setup(), self._setup):
            hint = f'mark the test with @pytest.mark.drillbook_stack("{name}")'
            raise InputError(f"{name} needs a stack that is set up for it", hint=hint)
        scenario = find_scenario(name.partition("/")[0], self._own)
        lacks = unmet((*scenario.needs, *variant.needs), app_of(self.stack))
        if lacks:
            raise NotApplicable(why_not(lacks))
        fault = variant.fault()
        try:
            self._journal.write(FaultChanged(fault.name, "intent"))
            await fault.inject(self.stack)
            evidence = await fault.confirm(self.stack)
            self._journal.write(FaultChanged(fault.name, "confirmed", evidence))
        except BaseException as error:
            await fault.heal(self.stack)  # something of it may have taken
            if isinstance(error, StackError | FaultNotTaken) and self._traffic is None:
                error.hint = _UNDER_TRAFFIC
            raise
        self._faults[name] = variant, fault
        return evidence


def variant_of(name: str, own: Path | None) -> Variant:
    """The variant `SCENARIO/VARIANT`, or the scenario's first where the name is a scenario's alone.

    Raises:
        InputError: there is none.
    """
    scenario, _, wanted = name.partition("/")
    variants = find_scenario(scenario, own).variants
    found = next((variant for variant in variants if variant.name == wanted or not wanted), None)
    if found is None:
        names = ", ".join(variant.name for variant in variants)
        raise InputError(f"the scenario {scenario!r} has no variant {wanted!r}", hint=f"it has {names}")
    return found


def main(arguments: list[str]) -> int:
    """Keep the stack that `arguments` ask for; an exit code."""
    parser = argparse.ArgumentParser(prog="keeper")
    parser.add_argument("spec", type=Path)
    parser.add_argument("--variant")
    parser.add_argument("--customers", action="store_true")
    wish = parser.parse_args(arguments)
    try:
        spec = build(DrillSpec, json.loads(wish.spec.read_text("utf-8")))
        own = Path(spec.scenarios) if spec.scenarios is not None else None
        setup = variant_of(wish.variant, own).setup if wish.variant else Setup()
        with contextlib.closing(Journal(Path(spec.journal))) as journal:
            asyncio.run(_keep(Keeper(spec, journal, setup, customers=wish.customers)))
    except DrillbookError as error:
        _say({"error": error.render()})
        return error.exit_code
    return ExitCode.OK


async def _keep(keeper: Keeper) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    try:
        await _start(keeper)
        while line := await reader.readline():
            _say(await _answer(keeper, json.loads(line)))
    finally:
        await keeper.stop()


async def _start(keeper: Keeper) -> None:
    try:
        await keeper.start()
    except DrillbookError as error:
        _say({"error": error.render()})
    else:
        _say({"answer": keeper.addresses()})


async def _answer(keeper: Keeper, wish: Mapping[str, Any]) -> dict[str, Json]:
    try:
        return {"answer": await keeper.answer(wish)}
    except DrillbookError as error:
        kinds = {InputError: "input", NotApplicable: "not applicable"}
        return {"error": error.render(), "kind": kinds.get(type(error), "")}
    except Exception as error:  # noqa: BLE001  whatever a fault raises is told to the test
        return {"error": f"{type(error).__name__}: {error}"}


def _say(line: Mapping[str, Json]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
