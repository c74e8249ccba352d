"""Make docs/catalogue.md: run every variant of the packaged plan with its control, and tell what came of it.

`catalogue.py RUN_DIR` takes a run that was made already. A run in which a drill did not end as expected
replaces nothing.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from drillbook.reporting.suite import Row, gather
from drillbook.reporting.text import md, seconds, sentence
from drillbook.result import JOURNAL, result

_ROOT = Path(__file__).resolve().parent.parent
_PAGE = _ROOT / "docs" / "catalogue.md"
_OUT = Path("drillbook-results/catalogue")
_DEADLINE_S = 1800.0
_HEAD = """# The catalogue

Every scenario and variant that comes with drillbook, and how the packaged runbook fares. Made by
`make catalogue` from one run of `drillbook run --all-variants`; what is in it is what that run measured.

{headline}.

TTM is the time from the first bad look to the begin of the good window that lasts; the control is the same
fault with nobody to respond, run where the service came back.
"""


def run_drills() -> Path:
    """Run everything; the run's directory."""
    out = _ROOT / _OUT
    number = 1 + sum(1 for _ in out.parent.glob(f"{out.name}-*"))
    folder = Path(f"{_OUT}-{number}")
    command = Path(sys.executable).parent / "drillbook"
    argv = [str(command), "run", "--all-variants", "--no-history", "--out", str(folder)]
    done = subprocess.run(argv, cwd=_ROOT, timeout=_DEADLINE_S, check=False)
    if done.returncode != 0:
        sys.exit(f"the run ended with exit code {done.returncode}; {_PAGE.name} is as it was")
    return _ROOT / folder


def page(run: Path) -> Iterator[str]:
    """The page's parts."""
    run_dirs = sorted(path.parent for path in run.glob(f"*/{JOURNAL}"))
    suite = gather(run_dirs, [result(run_dir) for run_dir in run_dirs])
    if suite.attention:
        sys.exit(f"{suite.attention[0].name} did not end as expected; {_PAGE.name} is as it was")
    yield _HEAD.format(headline=suite.headline)
    scenarios: dict[str, list[Row]] = {}
    for row in suite.rows:
        scenarios.setdefault(row.result.scenario, []).append(row)
    for name, rows in scenarios.items():
        yield f"## {name}\n"
        yield from _scenario(rows)


def _scenario(rows: Sequence[Row]) -> Iterator[str]:
    first = rows[0]
    yield f"{first.result.title}, {first.result.severity}. Symptoms: {'; '.join(first.start.symptoms)}.\n"
    yield "| Variant | What happens | Verdict | TTM | Control | What cures it |\n|---|---|---|---:|---|---|"
    for row in sorted(rows, key=lambda row: row.result.known_gap is not None):
        told = row.result
        control = told.control.verdict if told.control else "\N{EN DASH}"
        note = f" ({told.gap_note})" if told.gap_note else ""
        cells = (
            f"`{told.variant}`",
            md(sentence(row.start.summary)),
            f"{md(told.verdict)}{note}",
            seconds(told.durations.ttm),
            md(control),
            md(row.start.reference_cure),
        )
        yield f"| {' | '.join(cells)} |"
    gaps = [row for row in rows if row.result.known_gap]
    if gaps:
        yield "\nWhy the runbook misses them:\n"
    for row in gaps:
        yield f"- `{row.result.variant}`: {md(sentence(row.result.known_gap or ''))}"
    yield ""


def main() -> None:
    """Make the page."""
    run = Path(sys.argv[1]) if len(sys.argv) > 1 else run_drills()
    text = "\n".join(page(run)).rstrip() + "\n"
    _PAGE.write_text(text, "utf-8")
    sys.stdout.write(f"{_PAGE.relative_to(_ROOT)} is written\n")


if __name__ == "__main__":
    main()
