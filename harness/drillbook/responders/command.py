"""The responder that is a program, such as an agent: it gets the drill, acts, and its exit ends the response.

It works in the on-call shell, with the drill as JSON on its standard input and as `DRILLBOOK_…` variables.
"""

from __future__ import annotations

import json

from drillbook.events import ResponderActed, StepEnded, StepStarted
from drillbook.journal import Journal
from drillbook.model import Json, StepKind
from drillbook.responders.shell import Shell


class CommandResponder:
    """Runs `command` once.

    Args:
        command: shell text.
        incident: what is known of the incident: what an on-call engineer is told, never the fault.
        shell: where it runs.
        journal: takes what happens.
        deadline_s: when it is ended, in seconds.
    """

    name = "command"

    def __init__(
        self,
        command: str,
        incident: dict[str, Json],
        shell: Shell,
        journal: Journal,
        *,
        deadline_s: float,
    ) -> None:
        self._command = command
        self._incident = incident
        self._shell = shell
        self._journal = journal
        self._deadline_s = deadline_s

    async def respond(self) -> None:
        """Run the command until it ends."""
        self._journal.write(
            StepStarted(
                id=1,
                line=0,
                section=(),
                step_kind=StepKind.COMMAND,
                text="the responder's command",
                command=self._command,
                run=self._command,
                bound=True,
                caution=False,
                state_changing=True,
            )
        )
        done = await self._shell.run(
            self._command, deadline_s=self._deadline_s, stdin=json.dumps(self._incident) + "\n"
        )
        self._journal.write(
            StepEnded(
                id=1,
                exit_code=done.exit_code,
                seconds=done.seconds,
                stdout=done.stdout,
                stderr=done.stderr,
                timed_out=done.timed_out,
            )
        )
        said = "at its deadline" if done.timed_out else f"with exit code {done.exit_code}"
        self._journal.write(ResponderActed(self.name, "declared", f"the command ended {said}"))
