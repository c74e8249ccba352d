"""Make docs/findings.md: ablate and mutate the packaged plan, and tell what came of it.

`findings.py ABLATED MUTATED...` takes the directories of runs that were made already; where several runs
have a mutant, the last that says something of it counts, so that what a busy host left without a say can be
drilled again (`drillbook mutate --only ...`). Where a drill has no say in the end, or a mutant survived that
nothing explains, the page stays as it is.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from drillbook.alterations.operators import ABOUT
from drillbook.reporting.text import count, listed, md, md_code, seconds, sentence, share

_ROOT = Path(__file__).resolve().parent.parent
_PAGE = _ROOT / "docs" / "findings.md"
_OUT = Path("drillbook-results/findings")
_DEADLINE_S = 1800.0
_HEAD = """# Findings

What the packaged plan's drills say of the packaged runbook's steps, and what its mutants say of the drills.
Made by `make findings` from {runs} over each scenario's first variant.
What the words mean is in [ablation and mutants](ablation-and-mutants.md).
"""
_FATES = ("killed", "survived", "backed up", "accepted", "no say", "not drilled")

Json = dict[str, Any]


def run_drills() -> list[Path]:
    """Run both commands; their directories."""
    out = _ROOT / _OUT
    number = 1 + sum(1 for _ in out.parent.glob(f"{out.name}-*-ablated"))
    folders = []
    for words, name, fine in ((("run", "--ablate"), "ablated", (0,)), (("mutate",), "mutated", (0,))):
        folder = Path(f"{_OUT}-{number}-{name}")
        argv = [str(Path(sys.executable).parent / "drillbook"), *words, "--out", str(folder)]
        done = subprocess.run(argv, cwd=_ROOT, timeout=_DEADLINE_S, check=False)
        if done.returncode not in fine:
            sys.exit(f"{' '.join(words)} ended with exit code {done.returncode}; {_PAGE.name} is as it was")
        folders.append(_ROOT / folder)
    return folders


def merged(mutations: Sequence[Json]) -> Json:
    """The mutants of several runs as those of one: of each the last that says something."""
    found: dict[str, Json] = {}
    for mutant in (each for mutation in mutations for each in mutation["mutants"]):
        mute = mutant["fate"] in ("no say", "not drilled") or mutant["immaterial"]
        if mutant["id"] not in found or not mute:
            found[mutant["id"]] = mutant
    mutants = list(found.values())
    fates = ["" if each["immaterial"] else each["fate"] for each in mutants]
    return {
        "runs": len(mutations),
        "mutants": mutants,
        "seconds": sum(mutation["seconds"] for mutation in mutations),
        "outdated": [ident for mutation in mutations for ident in mutation["outdated"]],
        "tally": {fate: fates.count(fate) for fate in _FATES} | {"immaterial": fates.count("")},
    }


def page(ablation: Json, mutation: Json) -> Iterator[str]:
    """The page's parts."""
    check(ablation, mutation)
    runs = "one run each of `drillbook run --ablate` and `drillbook mutate`"
    if mutation["runs"] > 1:
        runs = f"a run of `drillbook run --ablate` and {mutation['runs']} of `drillbook mutate`"
    yield _HEAD.format(runs=runs)
    if mutation["runs"] > 1:
        yield "Where several runs had a mutant, what the last of them said counts.\n"
    yield from _needed(ablation)
    yield from _killed(mutation)


def check(ablation: Json, mutation: Json) -> None:
    """Check that the runs say what is to be told.

    Raises:
        SystemExit: they do not.
    """
    mute = [
        f"{d['drill']} line {s['line']}" for d in ablation["drills"] for s in d["steps"] if not s["verdict"]
    ]
    counts = mutation["tally"]
    for bad, why in (
        (ablation["interrupted"], "the run was ended early"),
        (mute, f"these were not drilled: {', '.join(mute)}"),
        (
            any(s["necessity"] == "no say" for d in ablation["drills"] for s in d["steps"]),
            "a drill has no say",
        ),
        (counts["no say"] or counts["not drilled"], f"these have no say: {' '.join(_mute(mutation))}"),
        (counts["survived"], "a mutant survived, and nothing explains it"),
        (mutation["outdated"], f"out of date in the plan: {', '.join(mutation['outdated'])}"),
    ):
        if bad:
            sys.exit(f"{why}; {_PAGE.name} is as it was")


def _mute(mutation: Json) -> list[str]:
    """The mutants that have no say, as `drillbook mutate` takes them."""
    left = [each for each in mutation["mutants"] if each["fate"] in ("no say", "not drilled")]
    return [f"--only {each['id']}" for each in left if not each["immaterial"]]


# --------------------------------------------------------------------------- which steps are needed


def _needed(ablation: Json) -> Iterator[str]:
    yield "## Which steps are needed\n"
    yield f"{md(sentence(ablation['headline']))} It took {seconds(ablation['seconds'])}.\n"
    yield "| Line | Step | Needed in | Does harm in | Ballast in |\n|---:|---|---|---|---|"
    for line in ablation["lines"]:
        reads = " (reads)" if line["reads"] else ""
        drills = [md(listed([_short(name) for name in line["drills"].get(which, [])])) for which in
                  ("needed", "does harm", "ballast")]  # fmt: skip
        yield f"| {line['line']} | {md(line['text'])}{reads} | {' | '.join(drills)} |"
    yield "\nThe smallest sets that cure, each verified by a drill that had no other step:\n"
    for drill in ablation["drills"]:
        smallest, unreached = drill["smallest"], drill["unreached"]
        found = (
            _lines(smallest["lines"])
            if smallest
            else f"none, since the whole section is {drill['whole']['verdict']}"
        )
        total = len(drill["steps"])
        never = f"; never reached: {_lines(unreached)}" if unreached else ""
        yield f"- {md(drill['drill'])}: {md(found)}, of {count(total, 'step')} carried out{never}."
    backed = [(d["drill"], s) for d in ablation["drills"] for s in d["steps"] if s["instead"]]
    if backed:
        yield "\nSteps that another one makes superfluous:\n"
    for name, step in backed:
        yield f"- {md(name)}, line {step['line']}: {md(sentence(step['why']))}"
    yield ""


def _short(name: str) -> str:
    return name.partition("/")[0]


def _lines(numbers: Sequence[int]) -> str:
    return f"line{'s' if len(numbers) > 1 else ''} {listed([str(number) for number in numbers])}"


# --------------------------------------------------------------------------- what the drills notice


def _killed(mutation: Json) -> Iterator[str]:
    counts = mutation["tally"]
    matter = counts["killed"] + counts["survived"]
    yield "## What the drills notice\n"
    told = (
        f"{counts['killed']} of {count(matter, 'mutant')} that matter were killed: the kill rate is"
        f" **{share(counts['killed'], matter)}**. {counts['backed up']} survived since another step cures as"
        f" well, and {counts['accepted']} are accepted by the plan. {counts['immaterial']} more do not matter"
        f" and were not drilled. It took {seconds(mutation['seconds'])}.\n"
    )
    yield told
    mutants = [each for each in mutation["mutants"] if not each["immaterial"]]
    yield from _by_operator(mutants)
    yield from _by_verdict(mutants)
    yield from _survivors(mutants)
    yield from _why_not(mutation["mutants"])


def _by_operator(mutants: Sequence[Json]) -> Iterator[str]:
    yield "| Operator | What it does | Mutants that matter | Killed | Survived |\n|---|---|---:|---:|---:|"
    for name, about in ABOUT.items():
        mine = [each for each in mutants if each["operator"] == name]
        killed = sum(each["fate"] == "killed" for each in mine)
        if mine:
            yield f"| {name} | {md(sentence(about))} | {len(mine)} | {killed} | {len(mine) - killed} |"
    yield ""


def _by_verdict(mutants: Sequence[Json]) -> Iterator[str]:
    killed = [each for each in mutants if each["fate"] == "killed"]
    by = [each["verdict"] if each["by"] == "verdict" else "a finding" for each in killed]
    shown = listed([f"{by.count(what)} by {what}" for what in dict.fromkeys(sorted(by))])
    yield f"Of those killed: {md(shown)}.\n"


def _survivors(mutants: Sequence[Json]) -> Iterator[str]:
    left = [each for each in mutants if each["fate"] != "killed"]
    if not left:
        yield "None survived.\n"
        return
    yield "### Survivors, each explained\n\n| Mutant | Before | After | Why it survives |\n|---|---|---|---|"
    for each in left:
        after = md_code(each["after"]) if each["after"] else "left out"
        why = f"{each['fate'].capitalize()}. {md(sentence(each['why']))}"
        yield f"| {md(each['id'])} | {md_code(each['before'])} | {after} | {why} |"
    yield ""


def _why_not(mutants: Sequence[Json]) -> Iterator[str]:
    reasons = [each["immaterial"].partition(":")[0] for each in mutants if each["immaterial"]]
    yield "### What does not matter, and why\n\n| Why | Mutants |\n|---|---:|"
    for why in sorted(set(reasons), key=lambda one: (-reasons.count(one), one)):
        yield f"| {md(sentence(why))} | {reasons.count(why)} |"
    yield ""


def _read(path: Path) -> Json:
    try:
        found: Json = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        sys.exit(f"{path} can't be read: {error}")
    return found


def main() -> None:
    """Make the page."""
    given = [Path(word) for word in sys.argv[1:]]
    if len(given) == 1:
        sys.exit("usage: findings.py [ABLATED MUTATED...]")
    ablated, *mutated = given or run_drills()
    mutation = merged([_read(folder / "mutants.json") for folder in mutated])
    text = "\n".join(page(_read(ablated / "ablation.json"), mutation)).rstrip() + "\n"
    _PAGE.write_text(text, "utf-8")
    sys.stdout.write(f"{_PAGE.relative_to(_ROOT)} is written\n")


if __name__ == "__main__":
    main()
