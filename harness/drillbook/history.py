"""The history: what the drills of earlier runs came to, in one SQLite file.

It keeps results and never makes one; the journals are the record, and a drill whose run directory is gone
is still here. Several commands may write at once.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from drillbook.clocks import Durations
from drillbook.errors import InputError
from drillbook.model import Json, Machine, Revision, Verdict, to_json
from drillbook.result import DrillResult, PlanFile, RunbookFile

NAME = "history.sqlite3"
FOLDER = ".drillbook"
VARIABLE = "DRILLBOOK_HISTORY"
_BUSY_S = 30.0
_RETRY_S = 0.02
# Of one version each, and never changed once released: a later one is added at the end.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """
        CREATE TABLE runs (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            recorded TEXT NOT NULL,
            command TEXT NOT NULL,
            out TEXT NOT NULL
        )
        """,
        """
        CREATE TABLE drills (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            run INTEGER NOT NULL REFERENCES runs (id),
            started TEXT NOT NULL,
            scenario TEXT NOT NULL,
            variant TEXT NOT NULL,
            title TEXT NOT NULL,
            severity TEXT NOT NULL,
            responder TEXT NOT NULL,
            backend TEXT NOT NULL,
            strict INTEGER NOT NULL,
            verdict TEXT NOT NULL,
            reason TEXT NOT NULL,
            known_gap TEXT,
            expected INTEGER NOT NULL,
            control TEXT,
            ttd REAL,
            tta REAL,
            ttm REAL,
            ttr REAL,
            error_s REAL NOT NULL,
            deadline_s REAL NOT NULL,
            score REAL,
            seed INTEGER NOT NULL,
            runbook TEXT NOT NULL,
            runbook_sha256 TEXT NOT NULL,
            revision TEXT,
            revision_path TEXT,
            dirty INTEGER,
            plan TEXT,
            plan_sha256 TEXT,
            cores INTEGER,
            architecture TEXT,
            versions TEXT NOT NULL,
            run_dir TEXT NOT NULL
        )
        """,
        "CREATE INDEX drills_of_a_run ON drills (run)",
        "CREATE INDEX drills_of_a_variant ON drills (scenario, variant, started)",
        "CREATE INDEX drills_of_a_runbook ON drills (runbook_sha256)",
    ),
)


@dataclass(frozen=True, slots=True)
class Record:
    """One drill as the history keeps it; `run` is None for one that is not in it. See `DrillResult`."""

    scenario: str
    variant: str
    title: str
    severity: str
    responder: str
    backend: str
    strict: bool
    verdict: Verdict
    reason: str
    known_gap: str | None
    expected: bool
    control: str | None
    started: str
    durations: Durations
    deadline_s: float
    score: float | None
    seed: int
    runbook: RunbookFile
    revision: Revision | None
    plan: PlanFile | None
    machine: Machine | None
    versions: dict[str, str]
    run_dir: str
    run: int | None = None

    @property
    def name(self) -> str:
        """Scenario and variant."""
        return f"{self.scenario}/{self.variant}"

    @property
    def error_s(self) -> float:
        """To how many seconds its durations are true."""
        return self.durations.error_s

    @property
    def machine_class(self) -> str | None:
        """What its times hang on beside the runbook: cores, architecture and the servers' versions.

        None where the journal does not say what it ran on.
        """
        if self.machine is None:
            return None
        servers = [
            f"{part} {self.versions[part]}" for part in sorted(self.versions) if part not in _NOT_SERVERS
        ]
        cores = f"{self.machine.cores} core{'s' if self.machine.cores != 1 else ''}"
        return ", ".join([f"{cores} {self.machine.architecture}", *servers])

    @property
    def at(self) -> str:
        """Which runbook it was: its commit, with a star where it was changed since, or else its checksum."""
        if self.revision is None:
            return f"sha256:{self.runbook.sha256[:8]}"
        return self.revision.commit[:8] + ("*" if self.revision.dirty else "")

    def to_json(self) -> dict[str, Json]:
        """The record as `drillbook history --json` gives it."""
        data = to_json(self)
        if not isinstance(data, dict):
            raise TypeError("a record is an object")
        return data | {"machine_class": self.machine_class}


_NOT_SERVERS = frozenset({"drillbook", "python"})


def record_of(result: DrillResult) -> Record:
    """What is kept of a result."""
    return Record(
        scenario=result.scenario,
        variant=result.variant,
        title=result.title,
        severity=result.severity,
        responder=result.responder,
        backend=result.backend,
        strict=result.strict,
        verdict=result.verdict,
        reason=result.reason,
        known_gap=result.known_gap,
        expected=result.expected,
        control=result.control.verdict.value if result.control is not None else None,
        started=result.started,
        durations=result.durations,
        deadline_s=result.deadline_s,
        score=result.score.total if result.score is not None else None,
        seed=result.seed,
        runbook=result.runbook,
        revision=result.revision,
        plan=result.plan,
        machine=result.machine,
        versions=dict(result.versions),
        run_dir=result.run_dir,
    )


@dataclass(frozen=True, slots=True)
class PastRun:
    """One `drillbook run` on file: its number, when it was recorded, what was typed, and its drills."""

    id: int
    recorded: str
    command: str
    out: str
    drills: tuple[Record, ...]

    def to_json(self) -> dict[str, Json]:
        """The run as `drillbook history --json` gives it."""
        return {
            "id": self.id,
            "recorded": self.recorded,
            "command": self.command,
            "out": self.out,
            "drills": [drill.to_json() for drill in self.drills],
        }


def place(folder: Path | None = None) -> Path:
    """Where the history is for who works in `folder` (or else the current one).

    The file that `DRILLBOOK_HISTORY` names; the one in the project's `.drillbook/`, if it has such a folder;
    the one among the user's data.

    Raises:
        InputError: `DRILLBOOK_HISTORY` names a folder.
    """
    named = os.environ.get(VARIABLE)
    if named:
        if _is_dir(Path(named)):
            raise InputError(f"{VARIABLE} names a folder", path=named, hint="name a file in it")
        return Path(named)
    here = (folder or Path.cwd()).resolve()
    for parent in (here, *here.parents):
        if _is_dir(parent / FOLDER):
            return parent / FOLDER / NAME
        if os.path.exists(parent / ".git"):  # noqa: PTH110  as in _is_dir
            break  # the project's top
    import platformdirs  # noqa: PLC0415  not needed before

    return Path(platformdirs.user_data_dir("drillbook")) / NAME


def _is_dir(path: Path) -> bool:
    """Whether `path` is a folder, as far as we may look: what is closed to us is none."""
    return os.path.isdir(path)  # noqa: PTH112  pathlib's raises where we may not look


class History:
    """The history in the file `path`.

    Args:
        path: the file; it is made with its folder when something is recorded first.
        migrations: the statements that lead from each version of the tables to the next.
    """

    def __init__(self, path: Path, *, migrations: Sequence[Sequence[str]] = MIGRATIONS) -> None:
        self.path = path
        self._migrations = migrations

    def record(self, results: Iterable[DrillResult], *, command: str, out: Path) -> int:
        """Keep `results` as those of one run; its number.

        Raises:
            InputError: the file can't be used.
        """
        records = [record_of(result) for result in results]
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"can't be made: {error.strerror}", path=self.path.parent) from error
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with self._open() as connection, _transaction(connection):
            added = connection.execute(
                "INSERT INTO runs (recorded, command, out) VALUES (?, ?, ?)",
                (now, command, str(out.resolve())),
            )
            number = int(added.lastrowid or 0)
            for record in records:
                row = _row(record) | {"run": number}
                names, marks = ", ".join(row), ", ".join("?" * len(row))
                # The names are those of _row, and nobody else's.
                connection.execute(f"INSERT INTO drills ({names}) VALUES ({marks})", tuple(row.values()))  # noqa: S608
        return number

    def runs(self, *, limit: int | None = None) -> list[PastRun]:
        """The newest `limit` runs, or all, the newest first.

        Raises:
            InputError: the file can't be used.
        """
        with self._read() as connection:
            if connection is None:
                return []
            sql = "SELECT * FROM runs ORDER BY id DESC LIMIT ?"
            rows = connection.execute(sql, (-1 if limit is None else limit,)).fetchall()
            return [_run(connection, row) for row in rows]

    def run(self, number: int) -> PastRun | None:
        """The run of that number, or None.

        Raises:
            InputError: the file can't be used.
        """
        with self._read() as connection:
            row = connection and connection.execute("SELECT * FROM runs WHERE id = ?", (number,)).fetchone()
            return _run(connection, row) if connection is not None and row is not None else None

    def drills(self, *, scenario: str = "", variant: str = "", limit: int | None = None) -> list[Record]:
        """The newest `limit` drills, or all, of a scenario and a variant, or of any; the oldest first.

        Raises:
            InputError: the file can't be used.
        """
        sql = """
            SELECT * FROM drills WHERE (? = '' OR scenario = ?) AND (? = '' OR variant = ?)
            ORDER BY started DESC, id DESC LIMIT ?
        """
        most = -1 if limit is None else limit
        return self._records(sql, (scenario, scenario, variant, variant, most))[::-1]

    def of_runbook(self, sha256: str) -> list[Record]:
        """Every drill of the runbook with those bytes, the oldest first.

        Raises:
            InputError: the file can't be used.
        """
        return self._records("SELECT * FROM drills WHERE runbook_sha256 = ? ORDER BY started, id", (sha256,))

    def runbook_paths(self) -> list[str]:
        """Where in their repositories the runbooks are that were drilled, each once.

        Raises:
            InputError: the file can't be used.
        """
        sql = "SELECT DISTINCT revision_path FROM drills WHERE revision_path IS NOT NULL ORDER BY 1"
        with self._read() as connection:
            return [row[0] for row in connection.execute(sql)] if connection is not None else []

    def _records(self, sql: str, values: Sequence[object]) -> list[Record]:
        with self._read() as connection:
            rows = connection.execute(sql, tuple(values)).fetchall() if connection is not None else []
        return [_record(row) for row in rows]

    @contextmanager
    def _read(self) -> Iterator[sqlite3.Connection | None]:
        """A connection to what is there; None where nothing is on file yet, and nothing is made then."""
        if not os.path.exists(self.path):  # noqa: PTH110  as in _is_dir
            yield None
            return
        with self._open() as connection:
            yield connection

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self.path, timeout=_BUSY_S, isolation_level=None)) as connection:
                connection.row_factory = sqlite3.Row
                connection.execute("PRAGMA foreign_keys = ON")
                self._migrate(connection)
                yield connection
        except sqlite3.Error as error:
            raise InputError(
                f"can't be used as the history: {error}",
                path=self.path,
                hint=f"set {VARIABLE} to another file",
            ) from error

    def _migrate(self, connection: sqlite3.Connection) -> None:
        """Bring the tables to the newest version. Whoever comes second waits, and finds it done."""
        if self._version(connection) == len(self._migrations):
            return
        _write_ahead(connection)
        with _transaction(connection):
            version = self._version(connection)
            for number, statements in enumerate(self._migrations[version:], version + 1):
                for statement in statements:
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number}")

    def _version(self, connection: sqlite3.Connection) -> int:
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        if version > len(self._migrations):
            raise InputError(
                f"is of a newer drillbook (tables of version {version}; known are {len(self._migrations)})",
                path=self.path,
                hint="update drillbook",
            )
        return version


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing, and nobody else writes meanwhile."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Have readers and a writer not wait for one another. Where that can't be had, they wait.

    The change itself does not wait for a lock, so it is asked for until it comes.
    """
    deadline = time.monotonic() + _BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_S)
        else:
            return


def _row(record: Record) -> dict[str, object]:
    """A record as columns."""
    spans, revision, machine, plan = record.durations, record.revision, record.machine, record.plan
    return {
        "started": record.started,
        "scenario": record.scenario,
        "variant": record.variant,
        "title": record.title,
        "severity": record.severity,
        "responder": record.responder,
        "backend": record.backend,
        "strict": record.strict,
        "verdict": record.verdict.value,
        "reason": record.reason,
        "known_gap": record.known_gap,
        "expected": record.expected,
        "control": record.control,
        "ttd": spans.ttd,
        "tta": spans.tta,
        "ttm": spans.ttm,
        "ttr": spans.ttr,
        "error_s": spans.error_s,
        "deadline_s": record.deadline_s,
        "score": record.score,
        "seed": record.seed,
        "runbook": record.runbook.path,
        "runbook_sha256": record.runbook.sha256,
        "revision": revision.commit if revision is not None else None,
        "revision_path": revision.path if revision is not None else None,
        "dirty": revision.dirty if revision is not None else None,
        "plan": plan.path if plan is not None else None,
        "plan_sha256": plan.sha256 if plan is not None else None,
        "cores": machine.cores if machine is not None else None,
        "architecture": machine.architecture if machine is not None else None,
        "versions": json.dumps(record.versions),
        "run_dir": record.run_dir,
    }


def _record(row: sqlite3.Row) -> Record:
    revision = row["revision"]
    return Record(
        scenario=row["scenario"],
        variant=row["variant"],
        title=row["title"],
        severity=row["severity"],
        responder=row["responder"],
        backend=row["backend"],
        strict=bool(row["strict"]),
        verdict=Verdict(row["verdict"]),
        reason=row["reason"],
        known_gap=row["known_gap"],
        expected=bool(row["expected"]),
        control=row["control"],
        started=row["started"],
        durations=Durations(row["ttd"], row["tta"], row["ttm"], row["ttr"], row["error_s"]),
        deadline_s=row["deadline_s"],
        score=row["score"],
        seed=row["seed"],
        runbook=RunbookFile(row["runbook"], row["runbook_sha256"]),
        revision=Revision(revision, row["revision_path"], bool(row["dirty"])) if revision else None,
        plan=PlanFile(row["plan"], row["plan_sha256"]) if row["plan"] is not None else None,
        machine=Machine(row["cores"], row["architecture"]) if row["cores"] is not None else None,
        versions=json.loads(row["versions"]),
        run_dir=row["run_dir"],
        run=row["run"],
    )


def _run(connection: sqlite3.Connection, row: Any) -> PastRun:
    drills = connection.execute("SELECT * FROM drills WHERE run = ? ORDER BY id", (row["id"],)).fetchall()
    return PastRun(
        row["id"], row["recorded"], row["command"], row["out"], tuple(_record(drill) for drill in drills)
    )
