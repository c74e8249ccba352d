"""Errors that a user is meant to read: one line, with the place and what to do.

Nothing here prints or exits; `cli` turns an error into its line and exit code.
"""

from __future__ import annotations

from pathlib import Path

from drillbook.model import ExitCode


class DrillbookError(Exception):
    """The base of every error that drillbook raises on purpose.

    Args:
        message: what is wrong, as one sentence without a full stop.
        path: the file that the message is about, if any.
        line: the 1-based line in that file, if known.
        hint: what the user can do about it, as one imperative clause.
    """

    exit_code = ExitCode.HARNESS

    def __init__(
        self,
        message: str,
        *,
        path: Path | str | None = None,
        line: int | None = None,
        hint: str | None = None,
    ) -> None:
        self.message = message
        self.path = path
        self.line = line
        self.hint = hint
        super().__init__(self.render())

    def render(self) -> str:
        """The error as the one line that a user sees: `FILE:LINE: message: hint`."""
        place = ""
        if self.path is not None:
            place = f"{self.path}:{self.line}: " if self.line is not None else f"{self.path}: "
        hint = f" ({self.hint})" if self.hint else ""
        return " ".join(f"{place}{self.message}{hint}".split())


class InputError(DrillbookError):
    """Raised when a runbook, plan, flag or environment variable can't be used as given."""

    exit_code = ExitCode.USAGE


class StackError(DrillbookError):
    """Raised when a part of the stack can't be started, reached or ended."""


class SandboxError(DrillbookError):
    """Raised when a sandbox is needed and can't be had."""


class FaultNotTaken(DrillbookError):  # noqa: N818  the verdict's own name
    """Raised by a fault's `confirm` when the fault shows no effect on the stack."""


class NotApplicable(DrillbookError):  # noqa: N818  the verdict's own name
    """Raised when a stack lacks what a drill needs: the drill says nothing of the runbook."""


NO_TABLE = "The drill needs a table of the app's, and the app has none in its database (needs: table)"


class JournalError(DrillbookError):
    """Raised when the journal can't be written or holds no readable entry."""
