"""`drillbook fault inject` and `list`: break a stack that is running already, hold it, and heal it.

No drill is made of it: nothing is journaled, and nobody is judged.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import click
import psycopg
from redis.exceptions import RedisError

from drillbook import registry
from drillbook.app import NEEDS
from drillbook.backends.compose import stack as compose
from drillbook.backends.compose.project import Project, find_project
from drillbook.backends.compose.stack import ComposeStack
from drillbook.docker import engine
from drillbook.errors import DrillbookError, InputError, NotApplicable, StackError
from drillbook.external import Target, permit
from drillbook.model import ExitCode, Json
from drillbook.plan import load_plan
from drillbook.protocols import Fault, Scenario, Variant
from drillbook.result import dumps
from drillbook.signals.parts import looks_bad
from drillbook.suggest import suggestion

_LOOK_S = 0.5
_SEEN_DEADLINE_S = 3.0
_HEAL_DEADLINE_S = 60.0
_ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PARTS = (psycopg.Error, RedisError, OSError)
"""What a part of a stack may raise that is broken, and not by us."""
_UNREACHED = (*_PARTS, DrillbookError)
"""What a look at a broken stack may raise; it means that nothing can be said."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What `drillbook fault inject` was asked for; see its flags."""

    name: str
    project: str | None = None
    plan: Path | None = None
    yes_break: str | None = None
    wait: bool = False


def inject_command(wish: Wish) -> int:
    """Inject a fault into a compose stack, and heal it at the end; an exit code.

    Raises:
        InputError: there is no such variant, stack or permission, or the stack lacks what the variant needs.
        DrillbookError: the fault has not taken, or can't be healed.
    """
    plan = load_plan(wish.plan) if wish.plan is not None else None
    scenario, variant = _find(wish.name, registry.scenarios(plan.scenarios if plan else None))
    engine.require_near()
    client = engine.connect()
    try:
        project = find_project(client, wish.project)
        target = Target(project.name, "the compose project", ("127.0.0.1",), known=project.known)
        permit(
            target,
            allowed=plan is not None and plan.allow_external,
            named=wish.yes_break,
            ask=_ask if sys.stdin.isatty() else None,
        )
        stack = ComposeStack(project, wait=wish.wait)
        try:
            asyncio.run(_Injection(stack, scenario, variant).carry_out())
        except NotApplicable as error:
            raise InputError(error.message, hint=error.hint) from error
        except _PARTS as error:
            if isinstance(error, BrokenPipeError):
                raise  # nobody reads our output any more
            raise StackError(f"a part of the stack does not answer: {_one_line(str(error))}") from error
    finally:
        client.close()
    return ExitCode.OK


def _ask(question: str) -> str:
    return str(click.prompt(question, err=True))


def _find(name: str, known: Mapping[str, Scenario]) -> tuple[Scenario, Variant]:
    """The variant called `name`, or the first of the scenario called so."""
    of, slash, which = name.partition("/")
    scenario = known.get(of)
    if scenario is None:
        raise InputError(f"there is no scenario {of!r}", hint=suggestion(of, known))
    if not slash:
        return scenario, scenario.variants[0]
    for variant in scenario.variants:
        if variant.name == which:
            return scenario, variant
    names = [variant.name for variant in scenario.variants]
    raise InputError(f"the scenario {of!r} has no variant {which!r}", hint=suggestion(which, names))


def _say(text: str) -> None:
    click.echo(f"drillbook: {text}")
    sys.stdout.flush()


class _Injection:
    """One variant's fault, from its injection to its end."""

    def __init__(self, stack: ComposeStack, scenario: Scenario, variant: Variant) -> None:
        self._stack = stack
        self._scenario = scenario
        self._variant = variant
        self._ended = asyncio.Event()

    async def carry_out(self) -> None:
        """Break the stack, tell how that is seen, hold it until a signal, and heal it."""
        await self._check()
        with self._heeding_signals():
            async with self._arranged():
                fault = self._variant.fault()
                try:
                    await self._unless_ended(self._break(fault))
                    await self._hold(fault)
                finally:
                    await self._heal(fault)

    async def _check(self) -> None:
        try:
            await compose.check(self._stack, self._scenario, self._variant)
            bad = await looks_bad(self._stack)
        except _PARTS as error:
            raise _ill(self._stack, str(error)) from error
        if bad is not None:
            raise _ill(self._stack, bad)

    @contextlib.contextmanager
    def _heeding_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in _ENDS:
            loop.add_signal_handler(number, self._ended.set)
        try:
            yield
        finally:
            for number in _ENDS:
                loop.remove_signal_handler(number)

    @asynccontextmanager
    async def _arranged(self) -> AsyncIterator[None]:
        async with self._stack.arranged(self._variant.setup) as settings:
            for name, value in settings.items():
                _say(f"beforehand: redis has {name} {value} for as long as this lasts")
            yield

    async def _unless_ended(self, doing: Coroutine[None, None, None]) -> None:
        """Do it; a signal breaks it off."""
        tasks = [asyncio.create_task(doing), asyncio.create_task(self._ended.wait())]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        done = tasks[0].done()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        if done:
            tasks[0].result()

    async def _break(self, fault: Fault) -> None:
        name = f"{self._scenario.name}/{self._variant.name}"
        _say(f"breaking {self._stack.project.name}: {name}: {self._variant.summary}")
        await fault.inject(self._stack)
        _say(f"confirmed: {_one_line(await fault.confirm(self._stack))}")
        seen = await self._seen()
        if seen is not None:
            _say(f"seen: {seen}")
        for line in _how_to_see(self._stack, self._scenario):
            _say(line)

    async def _seen(self) -> str | None:
        """What customers see of it, or None where that does not show at once."""
        end = time.monotonic() + _SEEN_DEADLINE_S
        while time.monotonic() < end:
            bad = await looks_bad(self._stack) or await self._bad_by_the_scenario()
            if bad is not None:
                return bad
            await self._pause()
        return None

    async def _bad_by_the_scenario(self) -> str | None:
        """What is wrong with the first of the scenario's own probes that is bad or late now, or None."""
        for probe in self._scenario.probes(self._stack):
            try:
                async with asyncio.timeout(probe.slow_s):
                    seen = await probe.observe()
            except TimeoutError:
                return f"{probe.sli} takes more than {probe.slow_s:g} s"
            except _PARTS as error:
                return f"{probe.sli}: {_one_line(str(error))}"
            finally:
                await probe.close()
            if not seen.good:
                return f"{probe.sli} is answered with {seen.detail}"
        return None

    async def _pause(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_S):
                await self._ended.wait()

    async def _hold(self, fault: Fault) -> None:
        """Until a signal comes, say whenever the cause goes, or is there again."""
        began = time.monotonic()
        _say("held until Ctrl-C, which heals it")
        there = True
        while not self._ended.is_set():
            try:
                cause = await fault.cause(self._stack)
            except _UNREACHED:
                await self._pause()
                continue
            if there and cause is None:
                _say(f"the cause is gone, after {time.monotonic() - began:.1f} s: Ctrl-C to end")
            elif not there and cause is not None:
                _say(f"the cause is back: {_one_line(cause)}")
            there = cause is not None
            await self._pause()

    async def _heal(self, fault: Fault) -> None:
        try:
            async with asyncio.timeout(_HEAL_DEADLINE_S):
                await fault.heal(self._stack)
                left = await fault.cause(self._stack)
        except TimeoutError as error:
            raise _unhealed(self._stack, f"not within {_HEAL_DEADLINE_S:g} s") from error
        except _PARTS as error:
            raise _unhealed(self._stack, _one_line(str(error))) from error
        if left is not None:
            raise _unhealed(self._stack, _one_line(left))
        _say("healed: the cause is gone")
        ahead = self._stack.database.jumped_s
        if ahead:
            restart = f"{self._stack.project.command} restart postgres"
            _say(f"the database's clock stays {ahead:g} s ahead until: {restart}")


def _ill(stack: ComposeStack, why: str) -> StackError:
    hint = f"see: {stack.project.command} ps"
    return StackError(
        f"the stack {stack.project.name!r} is not well before anything is broken: {why}", hint=hint
    )


def _unhealed(stack: ComposeStack, why: str) -> StackError:
    hint = f"begin anew: {stack.project.command} down -v, then up -d --wait"
    return StackError(f"the fault can't be healed: {why}", hint=hint)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _how_to_see(stack: ComposeStack, scenario: Scenario) -> list[str]:
    """Where to look, in lines."""
    json = "-H 'content-type: application/json' -d"
    order = '{"sku": "tea-001", "quantity": 1, "customer": "me"}'
    return [
        f"symptoms: {'; '.join(scenario.symptoms)}",
        f"look: curl -i {stack.url}/products",
        f"look: curl -i {stack.url}/orders {json} '{order}'",
        f'look: curl -i {stack.url}/login {json} \'{{"customer": "me"}}\'',
        f"act: {stack.project.command} exec operator bash  (psql, redis-cli, railway run)",
        f"read: /runbook/incident-response.md there, the section {scenario.section!r}",
    ]


# --------------------------------------------------------------------------- the list


def list_command(name: str | None, *, as_json: bool) -> int:
    """Print each variant, and why it can't be injected into the stack that is up, or into any of its kind."""
    engine.require_near()
    stack, absence = _stack_or_none(name)
    found = asyncio.run(_reasons(stack))
    if stack is not None:
        stack.project.client.close()
    if as_json:
        entries: list[Json] = [{"scenario": s, "variant": v, "lacks": why} for (s, v), why in found.items()]
        data: dict[str, Json] = {
            "schema": 1,
            "target": "compose",
            "project": stack.project.name if stack else None,
            "variants": entries,
        }
        click.echo(dumps(data), nl=False)
        return ExitCode.OK
    if absence is not None:
        click.echo(f"drillbook: warning: {absence}; what follows holds for any such stack", err=True)
    for (scenario, variant), why in found.items():
        click.echo(
            f"{'-' if why else 'can be injected':<16} {scenario}/{variant}{f'  (needs {why})' if why else ''}"
        )
    return ExitCode.OK


def _stack_or_none(name: str | None) -> tuple[ComposeStack | None, str | None]:
    """The stack that is up, or None and why."""
    try:
        project: Project = find_project(engine.connect(), name)
        return ComposeStack(project), None
    except DrillbookError as error:
        if name is not None:
            raise
        return None, error.message


async def _reasons(stack: ComposeStack | None) -> dict[tuple[str, str], str | None]:
    """What each variant lacks; None for nothing."""
    found: dict[tuple[str, str], str | None] = {}
    for scenario in registry.scenarios().values():
        for variant in scenario.variants:
            absent = compose.absent(scenario, variant)
            why: str | None = "; ".join(f"{need}: {NEEDS[need]}" for need in absent) or None
            if why is None and stack is not None:
                try:
                    why = await stack.lacks(variant.setup)
                except _PARTS as error:
                    raise _ill(stack, _one_line(str(error))) from error
            found[scenario.name, variant.name] = why
    return found
