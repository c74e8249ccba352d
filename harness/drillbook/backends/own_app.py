"""A team's own app on the `local` backend: what it is told of the stack, how it is set up, and its releases.

It fills in what a plan can't know (URLs, ports, folders) and runs the plan's setup. It knows no scenario.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psycopg

from drillbook.app import App, OwnApp, OwnRelease, fill, lock_of
from drillbook.errors import InputError, StackError
from drillbook.platforms.service import ENV, Release, Service
from drillbook.process import Process
from drillbook.protocols import Database, Limits, Setup
from drillbook.waiting import until

_FIRST_TABLE = """
SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname NOT LIKE 'pg\\_%'
   AND n.nspname <> 'information_schema' AND pg_has_role(c.relowner, 'USAGE')
 ORDER BY n.nspname, c.relname LIMIT 1
"""


def values_of(own: OwnApp, database: str, cache: str, *, url: str, scratch: Path) -> dict[str, str]:
    """What stands for each of `app.PLACEHOLDERS` in this drill, by the URLs that the app has of its parts."""
    sql, redis = urlsplit(database), urlsplit(cache)
    return {
        "database_url": database,
        "database_host": sql.hostname or "",
        "database_port": str(sql.port),
        "database_user": unquote(sql.username or ""),
        "database_password": unquote(sql.password or ""),
        "database_name": sql.path.lstrip("/"),
        "cache_url": cache,
        "cache_host": redis.hostname or "",
        "cache_port": str(redis.port),
        "cache_password": unquote(redis.password or ""),
        "app_url": url,
        "folder": own.folder,
        "scratch": str(scratch),
    }


def service_of(own: OwnApp, values: Mapping[str, str], setup: Setup) -> Service:
    """The service that the platform is to run; of `setup` it takes what is not about the shop."""
    return Service(
        name=own.app.name,
        command=_argv(own, own.command, {}, values),
        cwd=Path(own.folder),
        environment=_filled(own.environment, values),
        health_path=own.health,
        replicas=setup.replicas,
        health_checked=setup.health_checked,
        boot_deadline_s=own.boot_s,
        restart_limit=setup.restart_limit,
        limits=Limits(memory_mb=own.memory_mb),
        commands={
            release.name: _argv(own, release.command or own.command, release.environment, values)
            for release in own.releases
            if release.command or release.environment
        },
    )


def releases_of(own: OwnApp) -> Callable[[str], Release]:
    """What gives a release of the app by its name.

    Raises:
        StackError: (what is returned) there is none of that name.
    """
    known = {release.name: _release(release) for release in own.releases}

    def release(name: str) -> Release:
        if name not in known:
            raise StackError(f"{own.app.name} has no release {name!r}")
        return known[name]

    return release


def _release(release: OwnRelease) -> Release:
    return Release(release.name, release.message)


def _argv(
    own: OwnApp, command: Sequence[str], environment: Mapping[str, str], values: Mapping[str, str]
) -> tuple[str, ...]:
    """The command line; what a release sets is in its code, so no variable of the service changes it."""
    settings = [f"PATH={own.search}"] if own.search else []
    settings += [f"{name}={text}" for name, text in environment.items()]
    return (ENV, *(fill(part, values) for part in (*settings, *command)))


def _filled(environment: Mapping[str, str], values: Mapping[str, str]) -> dict[str, str]:
    return {name: fill(text, values) for name, text in environment.items()}


async def prepare(own: OwnApp, database: Database, values: Mapping[str, str], log: Path) -> None:
    """Run the schema and then the commands of the setup, one after the other; their output goes to `log`.

    Raises:
        InputError: the SQL is refused.
        StackError: a command fails, or does not end.
    """
    await prepare_schema(own, database)
    for argv, environment in setup_of(own, values):
        await _run(argv, own, environment, log)


async def prepare_schema(own: OwnApp, database: Database) -> None:
    """Run the schema, if there is one.

    Raises:
        InputError: the SQL is refused.
    """
    if own.schema:
        await _run_schema(Path(own.schema), database)


def setup_of(own: OwnApp, values: Mapping[str, str]) -> list[tuple[tuple[str, ...], dict[str, str]]]:
    """The commands of the setup, each with its environment."""
    environment = {"HOME": values["scratch"], "LANG": "C.UTF-8", **_filled(own.environment, values)}
    return [(_argv(own, command, {}, values), environment) for command in own.setup]


async def _run_schema(schema: Path, database: Database) -> None:
    connection = await database.connect("app", name="drillbook-setup")
    try:
        await connection.execute(await asyncio.to_thread(schema.read_bytes))
    except (psycopg.Error, OSError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise InputError(f"the schema can't be made: {reason}", path=schema) from error
    finally:
        await connection.close()


async def _run(argv: Sequence[str], own: OwnApp, environment: Mapping[str, str], log: Path) -> None:
    # Past `env` and its settings, as a reader of the plan knows it.
    program = next(Path(word).name for word in argv[1:] if "=" not in word)
    process = await Process.start(program, argv, log=log, env=environment, cwd=Path(own.folder))

    async def ended() -> bool:
        return process.exit_code is not None

    try:
        await until(ended, deadline_s=own.boot_s, what=f"the setup's {program} ends")
        code = process.exit_code
    finally:
        await process.end(signal.SIGKILL)  # whatever it left behind, too
    if code != 0:
        reason = f"the setup's {program} ended with exit code {code}: {process.tail()}"
        raise StackError(reason, hint=f"see {log}")


async def with_table(app: App, database: Database) -> App:
    """`app` with a table of its own, where it has one and names none: the first by its name."""
    if app.table or "table" not in app.offers:
        return app
    connection = await database.connect("app", name="drillbook-setup")
    try:
        row = await (await connection.execute(_FIRST_TABLE)).fetchone()
    finally:
        await connection.close()
    return replace(app, table=row[0], lock=lock_of(row[0])) if row else app
