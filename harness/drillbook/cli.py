"""The `drillbook` command: reads flags, calls the layers below, turns errors into a line and an exit code.

Everything slow is imported in the command that uses it: `drillbook --version` must be quick.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from drillbook import __version__
from drillbook.errors import DrillbookError
from drillbook.model import ExitCode

_EXIT_CODES = """
\b
Exit codes:
  0  all as expected        3  the harness or the stack failed
  1  the runbook failed     4  bad usage or input
  2  interrupted            5  nothing conclusive
"""


class _Main(click.Group):
    """The command group: every way out of it is one line and the right exit code."""

    def main(self, *args: object, **kwargs: object) -> None:  # type: ignore[override]
        """Run the command and exit."""
        kwargs["standalone_mode"] = False
        try:
            code = super().main(*args, **kwargs)  # type: ignore[call-overload]
        except DrillbookError as error:
            click.echo(f"drillbook: {error.render()}", err=True)
            code = error.exit_code
        except click.UsageError as error:
            place = error.ctx.command_path if error.ctx else "drillbook"
            click.echo(f"drillbook: {error.format_message()} (see `{place} --help`)", err=True)
            code = ExitCode.USAGE
        except click.ClickException as error:
            click.echo(f"drillbook: {error.format_message()}", err=True)
            code = ExitCode.USAGE
        except (click.Abort, KeyboardInterrupt):
            click.echo("drillbook: interrupted", err=True)
            code = ExitCode.INTERRUPTED
        except BrokenPipeError:
            sys.stderr.close()  # whoever read our output has gone; there is nobody to tell
            code = ExitCode.OK
        sys.exit(int(code or 0))


@click.group(
    cls=_Main,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=_EXIT_CODES,
)
@click.version_option(__version__, prog_name="drillbook", message="%(prog)s %(version)s")
def main() -> None:
    """Fire drills for incident runbooks.

    Brings up a real PostgreSQL, Redis and app, breaks them in the documented ways, carries out the
    runbook's own steps, and proves by probes whether the failure is gone.
    """


_FILE = click.Path(path_type=Path)


@main.command()
@click.argument("what", nargs=-1, metavar="[PLAN|SCENARIO|SCENARIO/VARIANT]...")
@click.option("--runbook", type=_FILE, metavar="FILE", help="Drill this runbook instead of the plan's.")
@click.option(
    "--responder",
    default="runbook",
    show_default=True,
    metavar="runbook|none|reference|command:CMD",
    help="Who acts: the runbook's steps, nobody, the known cure (proves that there is one), or a program.",
)
@click.option("--backend", type=click.Choice(["local", "docker"]), default="local", show_default=True,
              help="Where the stack runs.")  # fmt: skip
@click.option(
    "--all-variants", is_flag=True, help="Every variant in the plan, not only each scenario's first."
)
@click.option(
    "--no-control", is_flag=True, help="Skip the proof that the failure would not have passed by itself."
)
@click.option("--strict", is_flag=True, help="Take only the calls that the platform's real CLI takes.")
@click.option("--repeat", type=click.IntRange(1), default=1, metavar="N",
              help="Run each drill N times, and say what they come to.")  # fmt: skip
@click.option("--jobs", type=click.IntRange(1), metavar="N",
              help="Run N drills side by side. Default: the number of cores.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, metavar="N", help="Seed of traffic.")
@click.option("--deadline", type=click.FloatRange(0, min_open=True), metavar="SECONDS",
              help="How long a responder has.")  # fmt: skip
@click.option("--out", type=_FILE, metavar="DIR", help="Default: drillbook-results/<timestamp>.")
@click.option(
    "--json", "json_file", type=_FILE, metavar="FILE", help="Write the results as JSON ('-': print)."
)
@click.option("--junit", "junit_file", type=_FILE, metavar="FILE", help="Write the results as JUnit XML.")
@click.option("--gitlab-quality", "gitlab_file", type=_FILE, metavar="FILE",
              help="Write what failed as GitLab's code quality report.")  # fmt: skip
@click.option("--annotations", type=click.Choice(["auto", "github", "none"]), default="auto",
              show_default=True, help="Show what failed on the runbook's lines.")  # fmt: skip
@click.option("--max-ttr", type=click.FloatRange(0, min_open=True), metavar="SECONDS",
              help="Fail if a variant's median TTR is above it; known gaps aside.")  # fmt: skip
@click.option("--no-history", is_flag=True, help="Leave the run out of the history.")
@click.option("--no-sandbox", is_flag=True, help="Run a runbook's commands unconfined on this machine.")
@click.option("--ablate", is_flag=True, help="Then leave each step out in turn: which are needed?")
def run(**flags: object) -> int:
    """Run drills: the packaged plan's, a plan's, or the named ones.

    Without a name, the first variant of each scenario in the plan; a scenario's name stands for its first
    variant as well. The last line says where the reports are.
    """
    from drillbook.commands.run import Flags, run_command  # noqa: PLC0415  see above

    return run_command(Flags(**flags))  # type: ignore[arg-type]


@main.command()
@click.argument("what", nargs=-1, metavar="[PLAN|SCENARIO|SCENARIO/VARIANT]...")
@click.option("--runbook", type=_FILE, metavar="FILE", help="Mutate this runbook instead of the plan's.")
@click.option("--backend", type=click.Choice(["local", "docker"]), default="local", show_default=True,
              help="Where the stack runs.")  # fmt: skip
@click.option(
    "--all-variants", is_flag=True, help="Every variant in the plan, not only each scenario's first."
)
@click.option(
    "--no-control", is_flag=True, help="Skip the proof that the failure would not have passed by itself."
)
@click.option("--only", multiple=True, metavar="OPERATOR|MUTANT",
              help="Only mutants by this operator, or this mutant; may be given several times.")  # fmt: skip
@click.option("--all", "everything", is_flag=True, help="Also the mutants on which no verdict can hang.")
@click.option(
    "--max", "most", type=click.IntRange(1), metavar="N", help="At most N mutants, of each drill some."
)
@click.option("--list", "list_only", is_flag=True, help="List the mutants, and drill nothing.")
@click.option("--strict", is_flag=True, help="Take only the calls that the platform's real CLI takes.")
@click.option("--jobs", type=click.IntRange(1), metavar="N",
              help="Run N drills side by side. Default: the number of cores.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, metavar="N", help="Seed of traffic.")
@click.option("--out", type=_FILE, metavar="DIR", help="Default: drillbook-results/<timestamp>.")
@click.option(
    "--json", "json_file", type=_FILE, metavar="FILE", help="Write the results as JSON ('-': print)."
)
@click.option("--no-sandbox", is_flag=True, help="Run a runbook's commands unconfined on this machine.")
def mutate(
    only: tuple[str, ...],
    everything: bool,  # noqa: FBT001  click calls it by name
    most: int | None,
    list_only: bool,  # noqa: FBT001  see above
    **flags: object,
) -> int:
    """Put small mistakes into the runbook's steps, and see whether the drills notice.

    Each mutant that matters is drilled; one that still ends RESOLVED is a survivor: the step is ballast, or
    the drill is blind. Exit code 1 if one survives that neither another step nor the plan's `survivors`
    explains.
    """
    from drillbook.commands.mutate import Wishes, mutate_command  # noqa: PLC0415  see above
    from drillbook.commands.run import Flags  # noqa: PLC0415  see above

    fixed = {"responder": "runbook", "repeat": 1, "deadline": None, "junit_file": None}
    return mutate_command(Flags(**flags, **fixed), Wishes(only, everything, most, list_only))  # type: ignore[arg-type]


@main.command(name="list")
@click.argument("plan", type=_FILE, required=False)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def list_(plan: Path | None, as_json: bool) -> int:  # noqa: FBT001  click calls it by name
    """List what can be drilled: the scenarios and variants of a plan."""
    from drillbook.commands.look import list_command  # noqa: PLC0415  see above

    return list_command(plan, as_json=as_json)


@main.command()
@click.argument("runbook", type=_FILE)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def parse(runbook: Path, as_json: bool) -> int:  # noqa: FBT001  click calls it by name
    """Show what drillbook reads in a runbook."""
    from drillbook.commands.look import parse_command  # noqa: PLC0415  see above

    return parse_command(runbook, as_json=as_json)


@main.command()
@click.argument("runbooks", type=_FILE, nargs=-1, metavar="RUNBOOK...")
@click.option("--format", "form", type=click.Choice(["text", "json", "sarif", "github"]), default="text",
              show_default=True, help="How the findings are printed.")  # fmt: skip
@click.option("--select", multiple=True, metavar="RULE,...", help="Only these rules.")
@click.option("--ignore", multiple=True, metavar="RULE,...", help="All rules but these.")
@click.option("--plan", type=_FILE, metavar="FILE", help="Count what this plan binds and fills in.")
@click.option("--surface", type=_FILE, multiple=True, metavar="FILE",
              help="The commands and flags of a CLI of your own.")  # fmt: skip
@click.option("--list", "list_rules", is_flag=True, help="List the rules.")
@click.option("--explain", metavar="RULE", help="Print a rule's page: what, why, and how to mend it.")
def lint(
    explain: str | None,
    list_rules: bool,  # noqa: FBT001  click calls it by name
    **wish: object,
) -> int:
    """Find what is worth mending in runbooks by reading them.

    Nothing is run. `<!-- drillbook: ignore RULE -->` in the runbook quietens a rule for what is right below.
    The exit code is 1 if there are errors or warnings, 0 if there are only notes, or nothing.
    """
    from drillbook.commands.lint import Wish, explain_command, lint_command, list_command  # noqa: PLC0415  see above

    if list_rules:
        return list_command()
    if explain is not None:
        return explain_command(explain)
    return lint_command(Wish(**wish))  # type: ignore[arg-type]


@main.command()
@click.argument("run_dir", type=_FILE)
def report(run_dir: Path) -> int:
    """Make every report again, from the journals in RUN_DIR alone."""
    from drillbook.commands.reports import report_command  # noqa: PLC0415  see above

    return report_command(run_dir)


@main.command()
@click.argument("run_dirs", type=_FILE, nargs=-1, metavar="[RUN_DIR]...")
@click.option("--format", "form", type=click.Choice(["text", "json", "html", "lcov", "cobertura"]),
              default="text", show_default=True, help="What is printed.")  # fmt: skip
@click.option("--html", type=_FILE, metavar="FILE", help="Write the page of the runbook, line by line.")
@click.option("--json", type=_FILE, metavar="FILE", help="Write it as JSON, with the journal's lines.")
@click.option("--lcov", type=_FILE, metavar="FILE", help="Write an LCOV tracefile.")
@click.option("--cobertura", type=_FILE, metavar="FILE", help="Write Cobertura's XML.")
@click.option("--runbook", type=_FILE, metavar="FILE", help="Where the text that was drilled is now.")
@click.option("--fail-under", type=click.FloatRange(0, 100), metavar="PERCENT",
              help="Exit 1 where less of the steps was carried out.")  # fmt: skip
def coverage(
    run_dirs: tuple[Path, ...],
    form: str,
    runbook: Path | None,
    fail_under: float | None,
    **files: Path | None,
) -> int:
    """Show which steps of the runbook the drills carried out, and what each did.

    Each step is harmful, cured, helped, no effect, exercised, broken, unanswered, manual or never exercised.
    The percentage is of the steps that a drill can carry out. RUN_DIR is a run's directory or a drill's;
    several are put together. Default: the newest run in drillbook-results/.
    """
    from drillbook.commands.coverage import Wish, coverage_command  # noqa: PLC0415  see above

    wanted = {name: file for name, file in files.items() if file is not None}
    return coverage_command(Wish(run_dirs, form, wanted, runbook, fail_under))


@main.command()
@click.argument("out", type=_FILE, required=False)
def recover(out: Path | None) -> int:
    """Finish the reports of interrupted runs, and end what they left behind.

    Looks at the runs in OUT, or else in drillbook-results/.
    """
    from drillbook.commands.reports import recover_command  # noqa: PLC0415  see above

    return recover_command(out)


@main.command()
@click.option(
    "--scenario", "name", metavar="SCENARIO[/VARIANT]", help="Show its drills, instead of all runs."
)
@click.option("--limit", type=click.IntRange(1), metavar="N",
              help="The newest N only. Default: 20; on the page, all.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.option("--html", type=_FILE, metavar="FILE", help="Write a page that shows how each variant went on.")
def history(name: str | None, limit: int | None, as_json: bool, html: Path | None) -> int:  # noqa: FBT001
    """Show what earlier runs came to.

    They are in the file that DRILLBOOK_HISTORY names, or else in the project's .drillbook folder if it has
    one, or else among the user's data.
    """
    from drillbook.commands.history import history_command  # noqa: PLC0415  see above

    return history_command(name, limit=limit, as_json=as_json, html=html)


@main.command()
@click.argument("base")
@click.argument("head")
@click.option("--runbook", type=_FILE, metavar="FILE",
              help="Whose git revisions are meant. Default: every runbook of this repository.")  # fmt: skip
@click.option("--max-ttr", type=click.FloatRange(0, min_open=True), metavar="SECONDS",
              help="Fail if the median TTR of a variant of HEAD is above it; known gaps aside.")  # fmt: skip
@click.option("--no-regression", is_flag=True, help="Fail if a verdict became worse, or a TTR longer.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def compare(  # noqa: PLR0917  see above
    base: str,
    head: str,
    runbook: Path | None,
    max_ttr: float | None,
    no_regression: bool,  # noqa: FBT001  see above
    as_json: bool,  # noqa: FBT001  see above
) -> int:
    """Compare the drills of HEAD with those of BASE.

    Each is a run directory, the number of a run in the history, or a git revision: it stands for the drills
    of the runbook as it was there. Only like is compared with like.
    """
    from drillbook.commands.history import Gates, compare_command  # noqa: PLC0415  see above

    gates = Gates(max_ttr, no_regression)
    return compare_command(base, head, gates=gates, runbook=runbook, as_json=as_json)


@main.command()
@click.argument("folder", type=_FILE, default=Path())
@click.option(
    "--runbook", type=_FILE, metavar="FILE", help="The runbook. Default: the file that looks most like one."
)
@click.option("--out", type=_FILE, metavar="FILE", help="The plan to write. Default: FOLDER/drillbook.yaml.")
@click.option("--force", is_flag=True, help="Write over a plan that is there.")
def init(folder: Path, runbook: Path | None, out: Path | None, force: bool) -> int:  # noqa: FBT001  see above
    """Write a first plan for the repository in FOLDER, which runs at once.

    Finds the runbook, and hints of how the app is started in the compose file. What can't be bound stands in
    the plan as a comment.
    """
    from drillbook.commands.init import init_command  # noqa: PLC0415  see above

    return init_command(folder, runbook=runbook, out=out, force=force)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def doctor(as_json: bool) -> int:  # noqa: FBT001  click calls it by name
    """Say what is there for drills, what is missing, and how to get it."""
    from drillbook.commands.look import doctor_command  # noqa: PLC0415  see above

    return doctor_command(as_json=as_json)


@main.group()
def fault() -> None:
    """Break a stack that is running already, by hand."""


_TARGET = click.option("--target", type=click.Choice(["compose"]), required=True,
                       help="What to break: the stack of docker-compose.yml.")  # fmt: skip
_PROJECT = click.option("--project", metavar="NAME", help="The compose project, where there are several.")


@fault.command(name="inject")
@click.argument("name", metavar="SCENARIO/VARIANT")
@_TARGET
@_PROJECT
@click.option("--plan", type=_FILE, metavar="FILE",
              help="A plan with allow_external: true, for a project of another file.")  # fmt: skip
@click.option("--yes-break", metavar="NAME", help="Break the project of that name without asking.")
@click.option("--wait", is_flag=True, help="Where the database's clock can't be jumped, let time pass.")
def fault_inject(  # noqa: PLR0917  see above
    name: str,
    target: str,
    project: str | None,
    plan: Path | None,
    yes_break: str | None,
    wait: bool,  # noqa: FBT001  see above
) -> int:
    """Inject a fault into a running stack, hold it until Ctrl-C, then heal it.

    A scenario's name alone stands for its first variant.
    """
    from drillbook.commands.fault import Wish, inject_command  # noqa: PLC0415  see above

    del target  # there is one kind
    return inject_command(Wish(name, project=project, plan=plan, yes_break=yes_break, wait=wait))


@fault.command(name="list")
@_TARGET
@_PROJECT
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def fault_list(target: str, project: str | None, as_json: bool) -> int:  # noqa: FBT001  see above
    """List the variants, and what those need that can't be injected into the stack as it is."""
    from drillbook.commands.fault import list_command  # noqa: PLC0415  see above

    del target
    return list_command(project, as_json=as_json)


@main.group()
def images() -> None:
    """The container images of the docker backend."""


@images.command(name="build")
@click.option("--release", metavar="CODENAME", type=click.Choice(["bookworm", "trixie"]),
              help="Of which Debian. Default: this machine's, else bookworm.")  # fmt: skip
@click.option("--force", is_flag=True, help="Make it anew, with the newest packages, though it is there.")
def images_build(release: str | None, force: bool) -> int:  # noqa: FBT001  click calls it by name
    """Make a full set of images from Debian's packages, without a registry.

    It takes a minute or two as root on a Debian machine with debootstrap. The file system is kept in the
    cache: another engine, or another machine that it is copied to, needs neither.
    """
    from drillbook.commands.images import build_command  # noqa: PLC0415  see above

    return build_command(release, force=force)


@images.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def images_list(as_json: bool) -> int:  # noqa: FBT001  click calls it by name
    """Show which image plays which role, and which of them are on the engine."""
    from drillbook.commands.images import list_command  # noqa: PLC0415  see above

    return list_command(as_json=as_json)


@images.command(name="env")
@click.argument("name", metavar="[SET]", required=False)
def images_env(name: str | None) -> int:
    """Print a set of images as the variables of docker-compose.yml, for its `.env` file.

    SET is a name that `drillbook images list` shows; without it, the set that a run would take.
    """
    from drillbook.commands.images import env_command  # noqa: PLC0415  see above

    return env_command(name)
