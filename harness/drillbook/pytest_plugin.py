"""The pytest plugin: a plan file is collected, a drill of it is an item, its verdict is the outcome.

A known gap that shows is an expected failure; what has no say on the runbook is an error. For a team's own
tests there are the fixtures `drill` and `stack`. Nothing of drillbook is imported before there is something
to drill: a project without plans must not notice the plugin.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from _pytest._code.code import ReprEntryNative, ReprExceptionInfo, ReprFileLocation, ReprTraceback
from _pytest.outcomes import Failed, Skipped

if TYPE_CHECKING:
    from drillbook.plan import Plan, PlannedDrill
    from drillbook.pytest_session import Session, Settings
    from drillbook.result import DrillResult
    from drillbook.standing import StandingStack

_KEYS = ("runbook:", "drills:")
_MARKER = "drillbook_stack"
_RUN_DIR = "drillbook.run_dir"
_SESSION = pytest.StashKey["Session"]()
_SETTINGS = pytest.StashKey[dict[str, Any]]()


class DrillFailedError(Exception):
    """Raised when a drill's verdict is bad for the runbook."""


class OutOfDateError(Exception):
    """Raised when a drill was resolved that its plan has as a known gap."""


class InconclusiveError(Exception):
    """Raised when a drill proves nothing: the control recovered too."""


class NoSayError(Failed):
    """Raised when a drill has no say on the runbook: the harness or the stack failed, or it can't be run."""

    __module__ = "builtins"  # so that summaries call it by its name alone, as pytest does with its own

    def __init__(self, reason: str) -> None:
        super().__init__(reason, pytrace=False)


_VERDICTS = (DrillFailedError, OutOfDateError, InconclusiveError)


class Drill(Protocol):
    """What the fixture `drill` is: call it to carry out a drill."""

    def __call__(
        self,
        name: str,
        *,
        plan: Path | None = None,
        runbook: Path | None = None,
        responder: str | None = None,
        control: bool | None = None,
        seed: int = 0,
    ) -> DrillResult:
        """Carry out the drill SCENARIO/VARIANT; see docs/pytest.md."""


# --------------------------------------------------------------------------- the session


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of drills."""
    group = parser.getgroup("drillbook", "fire drills on incident runbooks")
    add = group.addoption
    add(
        "--drillbook-out", metavar="DIR", help="Where the reports go. Default: drillbook-results/<timestamp>."
    )
    add("--drillbook-responder", metavar="WHO", default="runbook",
        help="Who acts in drills: runbook (default), none, reference, or command:CMD.")  # fmt: skip
    add("--drillbook-no-control", action="store_true",
        help="Skip the proof that a failure would not have passed by itself.")  # fmt: skip
    add("--drillbook-no-sandbox", action="store_true",
        help="Run a runbook's commands unconfined on this machine.")  # fmt: skip
    add("--drillbook-annotations", choices=("auto", "github", "none"), default="auto",
        help="Show what failed on the runbook's lines. Default: auto, which is on GitHub.")  # fmt: skip
    parser.addini("drillbook_plan", "The plan of the fixtures drill and stack. Default: the packaged one.")


def pytest_configure(config: pytest.Config) -> None:
    """Take note of what is to hold for the whole session."""
    config.addinivalue_line(
        "markers",
        f"{_MARKER}(variant=None, customers=False): the fixture stack is set up as SCENARIO/VARIANT wants it,"
        " and has customers",
    )
    given = getattr(config, "workerinput", None)
    if given is not None:  # a worker of xdist is given what its controller made
        config.stash[_SETTINGS] = dict(given["drillbook"], worker=f"{given['workerid']}.")
        return
    out = config.getoption("--drillbook-out")
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    if out is not None and (Path(out) / "run.json").exists():
        raise pytest.UsageError(f"{out}: holds an earlier run (choose another --drillbook-out)")
    config.stash[_SETTINGS] = {
        "out": str(Path(out).resolve() if out else config.rootpath / "drillbook-results" / stamp),
        "mark": secrets.token_hex(8),
        "pid": os.getpid(),
        "worker": "",
        "no_sandbox": bool(config.getoption("--drillbook-no-sandbox")),
    }
    config.pluginmanager.register(_Ledger(config), "drillbook-ledger")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give a worker of xdist what holds for the whole session."""
    node.workerinput["drillbook"] = node.config.stash[_SETTINGS]


def pytest_unconfigure(config: pytest.Config) -> None:
    """Let go of what the session holds."""
    session = config.stash.get(_SESSION, None)
    if session is not None:
        session.close()


def _settings(config: pytest.Config) -> Settings:
    from drillbook.pytest_session import Settings  # noqa: PLC0415  see above

    return Settings(**config.stash[_SETTINGS])


def _session(config: pytest.Config) -> Session:
    from drillbook.pytest_session import Session  # noqa: PLC0415  see above

    if _SESSION not in config.stash:
        config.stash[_SESSION] = Session(_settings(config))
    return config.stash[_SESSION]


class _Ledger:
    """Keeps account, in the process that reports, of the drills that the session carried out."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._failed: dict[str, bool] = {}
        self._lines: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take note of the drills of an item, and whether it failed."""
        for name, value in report.user_properties:
            if name == _RUN_DIR:
                run_dir = str(value)
                self._failed[run_dir] = self._failed.get(run_dir, False) or report.failed

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Write the report on all drills of the session."""
        if not self._failed:
            return
        from drillbook import ci, pytest_session  # noqa: PLC0415  see above
        from drillbook.errors import DrillbookError  # noqa: PLC0415  see above

        settings = _settings(self._config)
        suite = Path(settings.out) / "suite"
        try:
            results = pytest_session.conclude(settings, list(self._failed))
            self._lines.append(f"drillbook: reports: {suite}.html")
            if ci.wanted(self._config.getoption("--drillbook-annotations")):
                told = [r for r in results if self._failed.get(r.run_dir) or r.expected]
                self._lines += ci.github(told, ci.root())
                ci.add_summary(suite.with_suffix(".md"))
        except (DrillbookError, OSError) as error:
            self._lines.append(f"drillbook: no report on the session: {error}")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say where the reports are, and what is to stand on which line."""
        for line in self._lines:
            terminalreporter.write_line(line)


# --------------------------------------------------------------------------- plans


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
        from drillbook.pytest_session import read_plan  # noqa: PLC0415  see above

        try:
            plan = read_plan(self.path)
        except InputError as error:
            raise self.CollectError(error.render()) from error
        for drill in plan.drills:
            yield DrillItem.from_parent(self, name=drill.name, plan=plan, drill=drill)


class DrillItem(pytest.Item):
    """One drill, with its control.

    It is carried out while the item is set up and judged when the item is called: so what goes wrong in the
    harness is an error, as in a fixture, and a verdict on the runbook is a failure.
    """

    def __init__(self, *, plan: Plan, drill: PlannedDrill, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._plan = plan
        self._drill = drill
        self._responder: str = self.config.getoption("--drillbook-responder")
        self._result: DrillResult | None = None
        # A gap is the runbook's: who works without it may well close it.
        if drill.known_gap and self._responder in ("runbook", "none"):
            reason = f"known gap: {drill.known_gap}"
            self.add_marker(pytest.mark.xfail(reason=reason, raises=DrillFailedError, strict=True))

    def setup(self) -> None:
        """Carry out the drill.

        Raises:
            NoSayError: it has no say on the runbook, or can't be carried out.
        """
        from drillbook import pytest_session  # noqa: PLC0415  see above

        control = not self.config.getoption("--drillbook-no-control")
        with _in_a_line():
            options = pytest_session.options(self._responder, control=control)
            self._result = _session(self.config).carry_out(self._plan, self._drill, options)
        _take_note(self, self._result)

    def runtest(self) -> None:
        """Judge the drill.

        Raises:
            DrillFailedError: the runbook did not do what it is for.
            OutOfDateError: it did what the plan says that it can't.
            InconclusiveError: the drill proves nothing.
        """
        result = self._result
        if result is None or (result.verdict == "RESOLVED" and result.known_gap is None):
            return
        if result.verdict == "RESOLVED":
            raise OutOfDateError(result.known_gap)
        if result.verdict == "SELF_HEALED":
            raise InconclusiveError(result.reason)
        raise DrillFailedError(result.reason)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *args: Any) -> Any:
        """What went wrong at the runbook's line, without a traceback; anything else as pytest shows it."""
        if isinstance(excinfo.value, _VERDICTS) and self._result is not None:
            from drillbook.junit import told  # noqa: PLC0415  see above

            return _shown(told(self._result), self._result.runbook.path, self._result.line)
        return super().repr_failure(excinfo, *args)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the plan names the drill."""
        return self.path, self._drill.line - 1, self.name


def _shown(text: str, path: str, line: int) -> ReprExceptionInfo:
    """`text` as a failure at a line of a file: its first line is the message of summaries and of JUnit."""
    message = text.partition("\n")[0]
    entry = ReprEntryNative([f"{text}\n"])
    return ReprExceptionInfo(ReprTraceback([entry], None, "native"), ReprFileLocation(path, line, message))


@contextmanager
def _in_a_line() -> Iterator[None]:
    """Tell what keeps a drill or a stack from being had in its one line, and not by a traceback.

    Raises:
        NoSayError: something does.
    """
    from drillbook.errors import DrillbookError  # noqa: PLC0415  see above

    try:
        yield
    except DrillbookError as error:
        raise NoSayError(error.render()) from None


def _take_note(item: pytest.Item, result: DrillResult) -> None:
    """Say in every report of `item` which drill it had, and go on only if that has a say on the runbook.

    Raises:
        NoSayError: it has none.
    """
    from drillbook.junit import where  # noqa: PLC0415  see above
    from drillbook.verdict import FAILED_ITSELF  # noqa: PLC0415  see above

    item.user_properties += [
        ("drillbook.verdict", str(result.verdict)),
        ("drillbook.line", where(result)),
        (_RUN_DIR, result.run_dir),
    ]
    if result.verdict == "NOT_APPLICABLE":
        raise Skipped(f"not applicable: {result.reason}", _use_item_location=True)
    if result.verdict in FAILED_ITSELF:
        raise NoSayError(f"{result.verdict}: {result.reason}")


# --------------------------------------------------------------------------- fixtures


@pytest.fixture
def drill(request: pytest.FixtureRequest) -> Drill:
    """Carry out drills: `drill("stuck-transactions/idle-past-threshold")` gives the result."""
    config = request.config

    def carry_out(
        name: str,
        *,
        plan: Path | None = None,
        runbook: Path | None = None,
        responder: str | None = None,
        control: bool | None = None,
        seed: int = 0,
    ) -> DrillResult:
        from drillbook import junit, pytest_session  # noqa: PLC0415  see above

        with _in_a_line():
            options = pytest_session.options(
                responder or config.getoption("--drillbook-responder"),
                control=not config.getoption("--drillbook-no-control") if control is None else control,
                runbook=runbook,
                seed=seed,
            )
            read = pytest_session.read_plan(plan or _plan_of(config), runbook=runbook)
            result = _session(config).carry_out(read, pytest_session.find(read, name), options)
        request.node.add_report_section("call", "drill", junit.told(result))
        _take_note(request.node, result)
        return result

    return carry_out


@pytest.fixture
def stack(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StandingStack]:
    """A real PostgreSQL, Redis and app that are up during the test, and can be broken."""
    from drillbook import pytest_session  # noqa: PLC0415  see above

    variant, customers = _wanted_stack(request.node.get_closest_marker(_MARKER))
    folder = tmp_path_factory.mktemp("stack")
    with _in_a_line():
        plan = pytest_session.read_plan(_plan_of(request.config))
        started = _session(request.config).stack(plan, folder, variant, customers=customers)
    request.node.add_report_section("setup", "stack", f"logs: {started.logs}")
    try:
        yield started
    finally:
        started.stop()


def _wanted_stack(marker: pytest.Mark | None) -> tuple[str | None, bool]:
    """What `marker` asks of the fixture `stack`: a variant, and customers."""

    def read(variant: str | None = None, *, customers: bool = False) -> tuple[str | None, bool]:
        return variant, customers

    return read(*marker.args, **marker.kwargs) if marker is not None else read()


def _plan_of(config: pytest.Config) -> Path | None:
    """The plan that the project names in its configuration, if it does."""
    named = str(config.getini("drillbook_plan"))
    return config.rootpath / named if named else None
