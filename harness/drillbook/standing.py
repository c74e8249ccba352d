"""A standing stack: a real PostgreSQL, Redis and app that are up for a test, which can break them.

It is the test's end of a `keeper`, which a guard ends when this process does, whatever ends it. It runs
outside a sandbox, for the test must reach it, and on ports of its own; no command of a runbook is run in it.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drillbook.errors import InputError, NotApplicable, StackError
from drillbook.model import to_json
from drillbook.spec import DrillSpec
from drillbook.stack import guard

_BOOT_S = 60.0
_ANSWER_S = 90.0
_END_S = 15.0


@dataclass(frozen=True)
class Injected:
    """A fault that has taken, while the `with` block lasts; `evidence` says how it showed that it took."""

    name: str
    evidence: str
    _stack: StandingStack

    def cause(self) -> str | None:
        """Evidence that the failure's cause is still there, or None if it is gone.

        Raises:
            StackError: it can't be looked at.
        """
        found = self._stack.ask("cause", self.name)
        return None if found is None else str(found)

    def cure(self) -> None:
        """Apply what is known to cure the failure: the reference cure.

        Raises:
            StackError: it can't be applied.
        """
        self._stack.ask("cure", self.name)


class StandingStack:
    """A stack that is up. Its addresses are those that an on-call engineer has in their shell."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self.logs = log.parent
        self._process = process
        self._log = log
        self._answers: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()
        self.environment: Mapping[str, str] = {}

    @classmethod
    def start(
        cls, spec: DrillSpec, mark: str, *, variant: str | None = None, customers: bool = False
    ) -> StandingStack:
        """Start the stack of `spec`; return when its app serves.

        Args:
            spec: the stack.
            mark: what its processes are known by.
            variant: the variant that it is set up for; None stands for the ordinary stack.
            customers: whether the customers come.

        Raises:
            InputError: there is no such variant.
            StackError: it does not start.
        """
        logs = Path(spec.logs)
        logs.mkdir(parents=True, exist_ok=True)
        file, log = logs / "spec.json", logs / "keeper.log"
        file.write_text(json.dumps(to_json(spec)), "utf-8")
        keeper = [sys.executable, "-m", "drillbook.keeper", str(file)]
        keeper += ["--variant", variant] if variant is not None else []
        keeper += ["--customers"] if customers else []
        with log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "drillbook.stack.guard", spec.scratch, "--", *keeper],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                env={"PATH": os.defpath, "LANG": "C.UTF-8", "HOME": spec.scratch, guard.MARK: mark},
                cwd="/",
                start_new_session=True,
                text=True,
            )
        stack = cls(process, log)
        try:
            stack.environment = {str(k): str(v) for k, v in stack._answer(_BOOT_S, "start").items()}
        except BaseException:
            stack.stop()
            raise
        return stack

    @property
    def database_url(self) -> str:
        """The database, as the plan's operator may reach it."""
        return self.environment["DATABASE_URL"]

    @property
    def redis_url(self) -> str:
        """The Redis server."""
        return self.environment["REDIS_URL"]

    @property
    def app_url(self) -> str:
        """Where customers reach the app, such as `http://127.0.0.1:41234`."""
        return self.environment["APP_URL"]

    @contextlib.contextmanager
    def inject(self, name: str) -> Iterator[Injected]:
        """Break the stack with the fault of the variant `name` for as long as the block lasts, then heal it.

        Raises:
            InputError: there is no such variant, or it needs a stack that is set up for it.
            NotApplicable: the stack lacks what it needs.
            StackError: the fault did not take, or can't be healed.
        """
        evidence = self.ask("inject", name)
        try:
            yield Injected(name, str(evidence), self)
        finally:
            self.ask("heal", name)

    def ask(self, what: str, name: str) -> Any:
        """Have the keeper do `what` with the variant `name`; its answer.

        Raises:
            DrillbookError: it could not.
        """
        if self._process.stdin is None:
            raise StackError("the stack has ended")
        try:
            self._process.stdin.write(json.dumps({"do": what, "variant": name}) + "\n")
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError) as error:
            raise StackError("the stack has ended", path=self._log) from error
        return self._answer(_ANSWER_S, f"{what} {name}")

    def stop(self) -> None:
        """Take the stack down. Idempotent; nothing of it is left.

        Raises:
            StackError: it did not end in time and was killed.
        """
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired as error:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            raise StackError(f"the stack did not end within {_END_S:g} s", path=self._log) from error

    def _listen(self) -> None:
        if self._process.stdout is not None:
            with self._process.stdout as stream:
                for line in stream:
                    self._answers.put(line)
        self._answers.put("")

    def _answer(self, deadline_s: float, what: str) -> Any:
        try:
            line = self._answers.get(timeout=deadline_s)
        except queue.Empty:
            raise StackError(f"the stack did not {what} within {deadline_s:g} s", path=self._log) from None
        if not line:
            raise StackError(f"the stack ended before it could {what}", path=self._log)
        said = json.loads(line)
        if "error" not in said:
            return said["answer"]
        kinds = {"input": InputError, "not applicable": NotApplicable}
        raise kinds.get(said.get("kind", ""), StackError)(said["error"])
