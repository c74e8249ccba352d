"""Make reports/samples/ anew: run drills, keep what a reader wants to see, check what must not be there.

With `--again`, no drill is run: the reports are made again from the journals that are there, as
`drillbook report` does it. That is what a change to a template or to the reports' words asks for.

It must not touch up a report. All names of files are relative because the drills are run from the top of
the checkout; of the journals, the host's monotonic clock and the rest stay as they are.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from drillbook.junit import junit
from drillbook.reporting.reports import write_reports, write_suite
from drillbook.result import DrillResult, document, dumps
from drillbook.result import result as read_result

_ROOT = Path(__file__).resolve().parent.parent
SAMPLES = Path("reports/samples")
_OUT = Path("drillbook-results/samples")
_DEADLINE_S = 300.0
_KEPT = ("journal.jsonl", "control/journal.jsonl")


@dataclass(frozen=True)
class Sample:
    """A drill whose reports are kept: in which folder, of which run directory, what shall come of it."""

    folder: str
    run_dir: str
    verdict: str


_PACKAGED = "drills/incident-response.yaml"
_CARD = "reports/samples/runbook/database.yaml"
SAMPLED = (
    Sample("resolved", "stuck-transactions--idle-past-threshold", "RESOLVED"),
    Sample("known-gap", "stuck-transactions--savepoint-aborted", "NOT_RESOLVED"),
    Sample("step-broken", "stuck-transactions--other-role", "STEP_BROKEN"),
)
SUITE = ("resolved", "known-gap")  # the drills of the first command
COMMANDS = (
    f"drillbook run {_PACKAGED} stuck-transactions/idle-past-threshold stuck-transactions/savepoint-aborted",
    f"drillbook run {_CARD}",
)


def run_drills() -> None:
    """Run the drills, and put their journals and what the terminal showed in their places.

    Raises:
        SystemExit: a drill did not come out as a sample of it must.
    """
    shown = ""
    for number, command in enumerate(COMMANDS):
        out = _OUT / str(number)
        argv = [
            str(Path(sys.executable).with_name("drillbook")),
            *shlex.split(command)[1:],
            "--no-history",
            "--out",
            str(out),
        ]
        env = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
        done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=_DEADLINE_S, check=False)
        sys.stderr.write(done.stdout + done.stderr)
        shown += f"$ {command} --out {out}\n{done.stdout}{done.stderr}$ echo $?\n{done.returncode}\n\n"
    for sample in SAMPLED:  # all are as they must be before the first is replaced
        _check(sample)
    for sample in SAMPLED:
        _keep(sample)
    (SAMPLES / "terminal.txt").write_text(shown.rstrip() + "\n", encoding="utf-8")


def _run_dir(sample: Sample) -> Path:
    there = list(_OUT.glob(f"*/{sample.run_dir}"))
    if len(there) != 1:
        sys.exit(f"samples: there are {len(there)} runs of {sample.run_dir}")
    return there[0]


def _check(sample: Sample) -> None:
    result = read_result(_run_dir(sample))
    if result.verdict != sample.verdict:
        sys.exit(f"samples: {sample.run_dir} is {result.verdict}: {result.reason}")


def _keep(sample: Sample) -> None:
    shutil.rmtree(SAMPLES / sample.folder, ignore_errors=True)
    for name in _KEPT:
        kept = SAMPLES / sample.folder / name
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(_run_dir(sample) / name, kept)


def write_samples() -> list[DrillResult]:
    """Make every report of the samples from their journals; their results.

    Raises:
        SystemExit: a verdict is not the one that the sample is to show.
    """
    results = []
    for sample in SAMPLED:
        result = write_reports(SAMPLES / sample.folder)
        if result.verdict != sample.verdict:
            sys.exit(f"samples: {sample.folder} is {result.verdict}: {result.reason}")
        results.append(result)
    write_suite(SAMPLES, [SAMPLES / name for name in SUITE], results[: len(SUITE)])
    (SAMPLES / "results.json").write_text(dumps(document(results)), encoding="utf-8")
    (SAMPLES / "junit.xml").write_text(junit(results, hostname="ci"), encoding="utf-8")
    return results


def unfit() -> list[str]:
    """The lines of the samples that tell of this machine: its name, its folders, who runs it."""
    home, host = str(Path.home()), socket.gethostname()
    words = [re.escape(word) for word in (str(_ROOT), home) if len(word) > 1]
    if len(host) > 1:
        words.append(rf"\b{re.escape(host)}\b")
    found = re.compile("|".join([*words, r"/home/\w", r"/root\b", r"/Users/\w", r"://[^\s:/@]+:[^\s*@]+@"]))
    out = []
    for path in sorted(SAMPLES.rglob("*")):
        if path.is_file():
            lines = path.read_text("utf-8").splitlines()
            hits = ((number, found.search(line)) for number, line in enumerate(lines, 1))
            out += [f"{path}:{number}: {hit.group()}" for number, hit in hits if hit]
    return out


def main() -> None:
    """Make the samples; exit 1 where they are not what they should be."""
    os.chdir(_ROOT)
    if sys.argv[1:] not in ([], ["--again"]):
        sys.exit("usage: samples.py [--again]")
    if "--again" not in sys.argv:
        shutil.rmtree(_OUT, ignore_errors=True)
        run_drills()
        shutil.rmtree(_OUT, ignore_errors=True)
    write_samples()
    if unfit():
        sys.exit("samples: these tell of this machine:\n" + "\n".join(unfit()))
    sys.stdout.write(f"{SAMPLES}/ is up to date\n")


if __name__ == "__main__":
    main()
