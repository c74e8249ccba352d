"""The responder at the desk: carries out the orders of whoever is on call, and puts them into the journal.

It sees the SLIs and the alerts, and never the fault. That somebody says it is over ends the response where
the SLIs hold; where they don't it is a false all-clear, and the drill goes on. The verdict is made elsewhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from drillbook.desk import near, updates
from drillbook.desk.hints import ANSWER, LEVELS, Known, hint
from drillbook.desk.plain import plain, redacted
from drillbook.desk.record import Record
from drillbook.errors import StackError
from drillbook.events import HintTaken, ResponderActed, UpdateSent
from drillbook.journal import Journal
from drillbook.model import Cadence, Json, Runbook, Section
from drillbook.orders import say
from drillbook.protocols import Watch
from drillbook.responders.shell import Shell
from drillbook.runbook.sections import find

SOCKET = "desk.sock"
RUN_DEADLINE_S = 120.0
"""How long a command may take where the order does not say, in seconds."""

_HOLD_MARGIN_S = 0.5
_LONGEST_QUESTION = 200
_ENOUGH_S = 0.3

ORDERS: Mapping[str, str] = {
    "status": "the severity, the clocks, the alerts that fire, hints and updates: severity, since_s, left_s, "
    "acknowledged, alerts, hints, updates, over",
    "alerts": "the alerts that fire now, as the monitoring sends them: alerts, symptoms, app_url",
    "runbook": "the runbook's sections, or with `section` the text of one: sections, title, line, markdown",
    "ack": "says that somebody begins to respond: acknowledged_s",
    "run": "runs `command` in the on-call shell, for at most `deadline_s` seconds: exit_code, seconds, "
    "stdout, stderr, timed_out, line (of the runbook, 0 where it is not from there)",
    "template": "the runbook's template of a status update: template",
    "update": "sends `update`, a filled template; with `anyway` also where something is open: sent, unfilled",
    "hint": "one more hint; each costs in the score: level, hints",
    "check": "why it is not resolved yet, by the SLIs: good, bad",
    "resolve": "says that it is over: accepted; where an SLI is bad the drill goes on",
    "giveup": "ends the response without an all-clear",
}
"""The orders, with what is answered beside `ok` and `text`; what can't be carried out is not `ok`."""


class Signs(Watch, Protocol):
    """What the desk knows of the SLIs."""

    def describe_bad(self) -> str:
        """In words which SLIs are not good now, and why."""

    def good_since(self) -> float | None:
        """The moment since which every SLI is good, or None while one is not."""


@dataclass(frozen=True, slots=True)
class Incident:
    """What somebody who is on call may know of the drill.

    Args:
        severity: the severity.
        symptoms: what is seen of it.
        app_url: where customers reach the app.
        runbook: the parsed runbook, and `text` its text.
        known: what hints are made from.
        alerts: the alerts that fire now, each with its detail.
        limit_s: how long the response may take, in seconds.
        hold_s: how long the SLIs are to hold for it to be over, in seconds.
        clock_speed: how many seconds of the runbook's own times pass in one of the drill.
    """

    severity: str
    symptoms: Sequence[str]
    app_url: str
    runbook: Runbook
    text: str
    known: Known
    alerts: Callable[[], Mapping[str, str]]
    limit_s: float
    hold_s: float
    clock_speed: int = 1


class Refused(Exception):  # noqa: N818  it is no error of anybody's
    """Raised when an order can't be carried out; the message is for whoever gave it."""


class DeskResponder:
    """Takes orders until it is over; see `drillbook.desk`.

    Args:
        name: who acts, one of `spec.AT_THE_DESK`.
        incident: what may be known.
        shell: where commands run.
        record: takes them into the journal.
        journal: takes the rest.
        watch: the SLIs.
        folder: where the socket is made.
    """

    def __init__(
        self,
        name: str,
        incident: Incident,
        *,
        shell: Shell,
        record: Record,
        journal: Journal,
        watch: Signs,
        folder: Path,
    ) -> None:
        self.name = name
        self.record = record
        self.incident = incident
        self._shell = shell
        self._journal = journal
        self._watch = watch
        self._path = folder / SOCKET
        self._over = asyncio.Event()
        self._resolving = asyncio.Lock()
        self._began = time.monotonic()
        self.acknowledged: float | None = None
        self.hints: list[tuple[int, str]] = []
        self.updates: list[float] = []
        self._connections: set[asyncio.StreamWriter] = set()

    async def respond(self) -> None:
        """Take orders until somebody says that it is over, and it is, or gives up.

        Raises:
            StackError: the socket can't be made.
        """
        self._began = time.monotonic()
        try:
            server = await near.serve(self._path, self._connected)
        except OSError as error:
            raise StackError(
                f"the desk can't be opened: {error.strerror or error}", path=self._path
            ) from error
        try:
            await self._work()
        finally:
            self.record.conclude()
            server.close()
            self._path.unlink(missing_ok=True)
            for writer in list(self._connections):
                with contextlib.suppress(OSError):
                    await asyncio.wait_for(writer.drain(), _ENOUGH_S)
                writer.close()

    async def _work(self) -> None:
        await self._over.wait()

    def finish(self, change: str, detail: str) -> None:
        """End the response, once."""
        if not self._over.is_set():
            self._act(change, detail)
            self._over.set()

    @property
    def is_over(self) -> bool:
        """Whether the response has ended."""
        return self._over.is_set()

    def _act(self, change: str, detail: str = "") -> None:
        self._journal.write(ResponderActed(self.name, change, detail))

    # ------------------------------------------------------------------------- orders

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection to its end; orders that are not done by then are cancelled."""
        self._connections.add(writer)
        tasks: set[asyncio.Task[None]] = set()
        try:
            while line := await reader.readline():
                task = asyncio.create_task(self._answer(line, writer))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
        except (ConnectionError, ValueError):  # it went away, or its line is longer than any order
            return
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._connections.discard(writer)
            writer.close()

    async def _answer(self, line: bytes, writer: asyncio.StreamWriter) -> None:
        try:
            order = json.loads(line)
        except ValueError:
            order = None
        if isinstance(order, dict):
            say(writer, {"id": order.get("id"), **await self.order(order)})
        else:
            say(writer, {"id": None, "ok": False, "text": "an order is a line of JSON, an object"})
        with contextlib.suppress(ConnectionError):
            await writer.drain()

    async def order(self, order: Mapping[str, Any]) -> dict[str, Json]:
        """Carry out `order`; the answer."""
        name = str(order.get("order", ""))
        does: Mapping[str, Callable[[Mapping[str, Any]], Awaitable[dict[str, Json]]]] = {
            "status": self._status,
            "alerts": self._alerts,
            "runbook": self._runbook,
            "ack": self._ack,
            "run": self._run,
            "template": self._template,
            "update": self._update,
            "hint": self._hint,
            "check": self._check,
            "resolve": self._resolve,
            "giveup": self._give_up,
        }
        if name not in does:
            return {
                "ok": False,
                "text": f"there is no order {plain(name)[:40]!r}; there are {', '.join(ORDERS)}",
            }
        if self.is_over:
            return {"ok": False, "text": "the response is over", "over": True}
        try:
            return {"ok": True, **await does[name](order)}
        except Refused as refused:
            return {"ok": False, "text": str(refused)}

    async def _status(self, _: Mapping[str, Any]) -> dict[str, Json]:
        since, left = self._since(), max(0.0, self.incident.limit_s - self._since())
        firing: list[Json] = list(self.incident.alerts())
        lines = [
            f"{self.incident.severity}, paged {span(since)} ago; the drill ends in {span(left)}",
            f"acknowledged after {span(self.acknowledged)}"
            if self.acknowledged is not None
            else f"not acknowledged yet{self._respond_within()}",
            f"alerts firing: {', '.join(map(str, firing)) or 'none'}",
            f"hints taken: {len(self.hints)} of {LEVELS}; status updates sent: {len(self.updates)}",
            *self._updates_due(),
        ]
        return {
            "text": "\n".join(lines),
            "severity": self.incident.severity,
            "since_s": round(since, 1),
            "left_s": round(left, 1),
            "acknowledged": self.acknowledged is not None,
            "alerts": firing,
            "hints": len(self.hints),
            "updates": len(self.updates),
            "over": self.is_over,
        }

    async def _alerts(self, _: Mapping[str, Any]) -> dict[str, Json]:
        firing = self.incident.alerts()
        lines = [f"FIRING  {rule}: {plain(detail)}" for rule, detail in firing.items()] or [
            "no alert fires now"
        ]
        reported = self.incident.symptoms[:1]  # what customers say; the rest is for who looks
        lines += [f"reported by customers: {symptom}" for symptom in reported]
        return {
            "text": "\n".join(lines),
            "alerts": [{"rule": rule, "detail": detail} for rule, detail in firing.items()],
            "symptoms": list(reported),
            "app_url": self.incident.app_url,
        }

    async def _runbook(self, order: Mapping[str, Any]) -> dict[str, Json]:
        book, wanted = self.incident.runbook, str(order.get("section") or "")[:_LONGEST_QUESTION]
        titles: list[Json] = [
            {"title": each.title, "line": each.line, "level": each.level} for each in book.sections
        ]
        if not wanted:
            text = "\n".join(
                f"{each.line:>5}  {'  ' * (each.level - 1)}{each.title}" for each in book.sections
            )
            return {"text": text, "title": book.title, "sections": titles}
        section = _section(book, wanted)
        if section is None:
            raise Refused(f"the runbook has no section {plain(wanted)!r}; `runbook` lists them")
        lines = self.incident.text.splitlines()
        end = next(
            (s.line - 1 for s in book.sections if s.line > section.line and s.level <= section.level),
            len(lines),
        )
        markdown = "\n".join(lines[section.line - 1 : end]).strip()
        return {"text": markdown, "title": section.title, "line": section.line, "markdown": markdown}

    async def _ack(self, _: Mapping[str, Any]) -> dict[str, Json]:
        if self.acknowledged is not None:
            return {"text": "it is acknowledged already", "acknowledged_s": round(self.acknowledged, 1)}
        self.acknowledged = self._since()
        self._act("ack")
        text = f"acknowledged {span(self.acknowledged)} after the page{self._respond_within()}"
        return {"text": text, "acknowledged_s": round(self.acknowledged, 1)}

    async def _run(self, order: Mapping[str, Any]) -> dict[str, Json]:
        command = order.get("command")
        if not isinstance(command, str) or not command.strip() or "\0" in command:
            raise Refused("`run` needs a command")
        deadline_s = _number(order.get("deadline_s"), RUN_DEADLINE_S)
        number = self.record.begin(command)
        done = await self._shell.run(command, deadline_s=deadline_s)
        line = self.record.end(number, done)
        said = "killed at its deadline" if done.timed_out else f"exit code {done.exit_code}"
        output = "\n".join(part.rstrip() for part in (done.stdout, done.stderr) if part.strip())
        return {
            "text": f"{output}\n({said})".lstrip("\n"),
            "exit_code": done.exit_code,
            "seconds": round(done.seconds, 3),
            "stdout": done.stdout,
            "stderr": done.stderr,
            "timed_out": done.timed_out,
            "line": line,
        }

    async def _template(self, _: Mapping[str, Any]) -> dict[str, Json]:
        template = updates.template_of(self.incident.runbook)
        return {"text": template, "template": template}

    async def _update(self, order: Mapping[str, Any]) -> dict[str, Json]:
        text = order.get("update")
        if not isinstance(text, str):
            raise Refused("`update` needs the text of the update; `template` gives what to fill in")
        left = updates.unfilled(text, updates.template_of(self.incident.runbook))
        if left and (order.get("anyway") is not True or not text.strip()):
            listed: list[Json] = list(left)
            told = "\n".join(f"  - {each}" for each in left)
            return {
                "text": f"not sent, for something is open in it:\n{told}",
                "sent": False,
                "unfilled": listed,
            }
        kept = redacted(plain(text))[: updates.LONGEST]
        self._journal.write(UpdateSent(kept, tuple(left)))
        self.updates.append(self._since())
        over = (
            " It says that it is resolved: `resolve` tells the drill so."
            if updates.says_resolved(kept)
            else ""
        )
        return {
            "text": f"status update {len(self.updates)} sent.{over}",
            "sent": True,
            "unfilled": list(left),
        }

    async def _hint(self, _: Mapping[str, Any]) -> dict[str, Json]:
        after = self.hints[-1][0] if self.hints else 0
        if after == ANSWER:
            return {"text": self.hints[-1][1], "level": ANSWER, "hints": len(self.hints)}
        level, text = hint(self.incident.known, frozenset(self.record.done), after)
        self.hints.append((level, text))
        self._journal.write(HintTaken(level, text))
        last = " This was the last one." if level == ANSWER else ""
        return {"text": f"Hint {level} of {LEVELS}. {text}{last}", "level": level, "hints": len(self.hints)}

    async def _check(self, _: Mapping[str, Any]) -> dict[str, Json]:
        since = self._watch.good_since()
        good = since is not None and self._watch.holds(_ENOUGH_S)
        bad = "" if good else plain(self._watch.describe_bad())
        self._act("checked", bad)
        if since is not None and good:
            text = (
                f"Every check has been good for {span(time.monotonic() - since)}. Whether the cause is gone, "
                "or only its symptoms, is for you to know before you `resolve`."
            )
        else:
            text = "Not resolved yet. What still fails, seen from outside:\n" + "\n".join(
                f"  - {part}" for part in bad.split("; ")
            )
        return {"text": text, "good": good, "bad": bad}

    async def _resolve(self, _: Mapping[str, Any]) -> dict[str, Json]:
        hold_s = self.incident.hold_s
        async with self._resolving:
            if self.is_over:
                raise Refused("the response is over")
            if await self._watch.wait_until_holds(hold_s, hold_s + _HOLD_MARGIN_S):
                self.record.conclude()
                self.finish("declared", "the SLIs hold")
                return {
                    "text": "All clear. It is now verified from outside; the verdict follows.",
                    "accepted": True,
                }
            bad = plain(self._watch.describe_bad())
            self._act("false-all-clear", bad)
        text = f"A false all-clear: it is not over, and now everybody was told that it is.\n  - {bad}"
        return {"text": text, "accepted": False, "bad": bad}

    async def _give_up(self, _: Mapping[str, Any]) -> dict[str, Json]:
        self.finish("gave-up", "")
        return {"text": "You gave up. The verdict follows."}

    # ------------------------------------------------------------------------- words

    def _since(self) -> float:
        return time.monotonic() - self._began

    def _respond_within(self) -> str:
        level = next(
            (each for each in self.incident.runbook.severities if each.level == self.incident.severity), None
        )
        if level is None or level.response_s is None:
            return ""
        own, here = level.response_s, level.response_s / self.incident.clock_speed
        faster = f", which are {span(here)} here" if own != here else ""
        return f"; the runbook gives {level.level} {span(own)}{faster}"

    def _updates_due(self) -> list[str]:
        named = [
            cadence.text for cadence in due(self.incident.runbook, self.incident.severity) if cadence.text
        ]
        speed = self.incident.clock_speed
        faster = f" ({speed} times as fast here)" if speed != 1 else ""
        return [f"the runbook wants updates: {'; '.join(named)}{faster}"] if named else []


def due(runbook: Runbook, severity: str) -> list[Cadence]:
    """The moments at which the runbook asks for an update in an incident of `severity`, while it lasts."""
    return [
        cadence
        for cadence in runbook.cadences
        if cadence.moment != "post-mortem" and (not cadence.severities or severity in cadence.severities)
    ]


def span(seconds: float) -> str:
    """A time such as `45 s`, `3 min 20 s` or `4 h`."""
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours} h" if hours else "", f"{minutes} min" if minutes else "", f"{rest} s" if rest else ""]
    return " ".join(part for part in parts if part) or "0 s"


def _section(book: Runbook, wanted: str) -> Section | None:
    """The section that is meant: by its title, its line, or the beginning or a part of its title."""
    exact = find(book, wanted)
    if exact is not None:
        return exact
    if wanted.isdigit():
        before = [section for section in book.sections if section.line <= int(wanted)]
        return before[-1] if before else None
    like = wanted.casefold()
    return next((section for section in book.sections if like in section.title.casefold()), None)


def _number(value: object, default: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        return default
    return min(float(value), default * 10)
