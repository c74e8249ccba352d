"""Whether a drill noticed a mutant: killed, or a survivor, and why it survived.

It looks at results only, and runs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from drillbook.alterations.ablation import changing, curing_lines, lines_in_words, unreached
from drillbook.alterations.mutants import Mutant
from drillbook.model import Verdict
from drillbook.result import DrillResult
from drillbook.verdict import BAD_FOR_THE_RUNBOOK

_LEAST_DEADLINE_S = 15.0
_PATIENCE = 3.0


class Fate(StrEnum):
    """What became of a mutant.

    `BACKED_UP` survives for another step cures as well, and is killed where that is left out; `ACCEPTED`
    survives, and the plan says why it may.
    """

    KILLED = "killed"
    SURVIVED = "survived"
    BACKED_UP = "backed up"
    ACCEPTED = "accepted"
    NO_SAY = "no say"
    IMMATERIAL = "does not matter"
    NOT_DRILLED = "not drilled"


SURVIVORS = frozenset({Fate.SURVIVED, Fate.BACKED_UP, Fate.ACCEPTED})


@dataclass(frozen=True, slots=True)
class Outcome:
    """A mutant, what became of it and why.

    `immaterial` is why nothing can hang on it, or empty. `by` is what killed it: `verdict` or `finding`.
    """

    mutant: Mutant
    fate: Fate
    why: str
    immaterial: str = ""
    verdict: Verdict | None = None
    by: str = ""
    run_dir: str = ""

    @property
    def unexplained(self) -> bool:
        """Whether it matters, survived, and nothing explains it."""
        return self.fate is Fate.SURVIVED and not self.immaterial


@dataclass(frozen=True, slots=True)
class Tally:
    """How many of the mutants that matter were killed.

    `survived` counts those that nothing explains, `backed_up` and `accepted` those that something does;
    `no_say` those whose drill says nothing. None of the last three is in the rate.
    """

    killed: int
    survived: int
    backed_up: int
    accepted: int
    no_say: int
    immaterial: int
    not_drilled: int

    @property
    def rate(self) -> float | None:
        """The share of the mutants that matter that were killed; None where there are none."""
        count = self.killed + self.survived
        return self.killed / count if count else None


def tally(outcomes: Sequence[Outcome]) -> Tally:
    """Count `outcomes`; what does not matter counts as that, even where it was drilled."""
    fates = [Fate.IMMATERIAL if outcome.immaterial else outcome.fate for outcome in outcomes]
    return Tally(
        killed=fates.count(Fate.KILLED),
        survived=fates.count(Fate.SURVIVED),
        backed_up=fates.count(Fate.BACKED_UP),
        accepted=fates.count(Fate.ACCEPTED),
        no_say=fates.count(Fate.NO_SAY),
        immaterial=fates.count(Fate.IMMATERIAL),
        not_drilled=fates.count(Fate.NOT_DRILLED),
    )


def deadline_s(whole: DrillResult, planned_s: float) -> float:
    """How long a mutant's drill may respond: three times what the whole section took, at least 15 s.

    Never longer than the plan's own deadline, `planned_s`.
    """
    ack, declared = whole.clocks.ack, whole.clocks.declared
    took_s = declared - ack if ack is not None and declared is not None else 0.0
    return min(planned_s, max(_LEAST_DEADLINE_S, _PATIENCE * took_s))


def judge(
    mutant: Mutant, whole: DrillResult, drilled: DrillResult | None, *, immaterial: str = ""
) -> Outcome:
    """What became of `mutant`, from its drill (None if there was none) and that of the `whole` section.

    `whole` is RESOLVED where there was a drill; where it is not, there is nothing that a mutant could break.
    """
    if drilled is None:
        return Outcome(mutant, Fate.NOT_DRILLED, immaterial or "its drill was not carried out", immaterial)
    fate, by, why = _judge(mutant, whole, drilled)
    return Outcome(mutant, fate, why, immaterial, drilled.verdict, by, drilled.run_dir)


def _judge(mutant: Mutant, whole: DrillResult, drilled: DrillResult) -> tuple[Fate, str, str]:
    if drilled.verdict in BAD_FOR_THE_RUNBOOK:
        return Fate.KILLED, "verdict", drilled.reason
    if drilled.verdict is not Verdict.RESOLVED:
        return Fate.NO_SAY, "", drilled.reason
    known = {(finding.rule, finding.line) for finding in whole.findings}
    for finding in drilled.findings:
        if finding.line in mutant.lines and (finding.rule, finding.line) not in known:
            return Fate.KILLED, "finding", f"{finding.rule}: {finding.message}"
    if not changing(drilled):
        return Fate.NO_SAY, "", "the service came back though no step changed anything"
    return Fate.SURVIVED, "", _why_survived(mutant, drilled)


def _why_survived(mutant: Mutant, drilled: DrillResult) -> str:
    cures = curing_lines(drilled)
    if set(cures) & set(mutant.lines):
        return "the mutated step cures as well"
    if cures:
        return f"{lines_in_words(cures)} cured in its place"
    return "the service came back, and no one step is seen to have cured it"


def backed_up(outcome: Outcome, whole: DrillResult, drilled: DrillResult) -> frozenset[int]:
    """The lines to leave out to see whether only they saved a survivor, whose drill was `drilled`.

    These are the steps that the whole section never reached, so that leaving them out takes nothing from it;
    empty where no such step cured.
    """
    if outcome.fate is not Fate.SURVIVED or outcome.immaterial:
        return frozenset()
    spare = frozenset(unreached(whole)) - set(outcome.mutant.lines)
    return spare if set(curing_lines(drilled)) & spare else frozenset()


def with_backup(outcome: Outcome, alone: Outcome) -> Outcome:
    """The outcome of a survivor, given that of its drill without the steps that may have saved it."""
    if alone.fate is not Fate.KILLED:
        return outcome
    return replace(
        outcome, fate=Fate.BACKED_UP, why=f"{outcome.why}; without that the drill is {alone.verdict}"
    )


def accepted(outcome: Outcome, reasons: Mapping[str, str]) -> Outcome:
    """The outcome, a survivor that matters as accepted where the plan gives a reason by its name."""
    reason = reasons.get(outcome.mutant.name)
    if reason is None or not outcome.unexplained:
        return outcome
    return replace(outcome, fate=Fate.ACCEPTED, why=reason)


def outdated(outcome: Outcome, reasons: Mapping[str, str]) -> bool:
    """Whether the plan accepts a survivor that did not survive."""
    return outcome.mutant.name in reasons and outcome.fate is Fate.KILLED
