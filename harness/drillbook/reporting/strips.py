"""The SLIs over time as lines of characters, for reports that can't hold a drawing."""

from __future__ import annotations

from drillbook.reporting.facts import MINUS, Facts

_COLUMNS = 60
_GAP = 4
_GOOD, _BAD, _BOTH, _SILENT = ".", "#", "+", " "


def strips(facts: Facts) -> str:
    """A line for each SLI, with the clocks beneath; empty if nothing was sampled after the fault."""
    evidence = facts.evidence
    if evidence.intent is None or not any(evidence.samples.values()):
        return ""
    begin, end = evidence.intent, max(evidence.cutoff, evidence.intent + 1e-6)
    width = max(map(len, evidence.slis))
    lines = []
    for sli in evidence.slis:
        cells: list[set[bool]] = [set() for _ in range(_COLUMNS)]
        for sample in evidence.samples.get(sli, ()):
            cells[_column(sample.end, begin, end)].add(sample.good)
        gap = _GAP * evidence.started.probe_interval_s / (end - begin) * _COLUMNS
        lines.append(f"{sli:>{width}} {_drawn(cells, gap)}".rstrip())
    for t, names in _grouped(facts):
        at = _column(t, begin, end)
        lines.append(f"{'':>{width}} {'':>{at}}^ {', '.join(names)} {facts.since(t).replace(MINUS, '-')} s")
    key = f"{_GOOD} good   {_BAD} bad   {_BOTH} both   one column is {(end - begin) / _COLUMNS:.2f} s"
    return "\n".join([*lines, "", f"{'':>{width}} {key}"])


def _column(t: float, begin: float, end: float) -> int:
    return min(max(int((t - begin) / (end - begin) * _COLUMNS), 0), _COLUMNS - 1)


def _grouped(facts: Facts) -> list[tuple[float, list[str]]]:
    at: dict[float, list[str]] = {}
    for name, t in sorted(facts.times.items(), key=lambda item: item[1]):
        at.setdefault(t, []).append(name)
    return list(at.items())


def _drawn(cells: list[set[bool]], gap: float) -> str:
    """A character a cell; one without a sample shows the last before it, unless that is `gap` cells ago."""
    out, last = "", -1
    for n, seen in enumerate(cells):
        if seen:
            last = n
        out += _cell(cells[last]) if last >= 0 and n - last <= gap else _SILENT
    return out


def _cell(seen: set[bool]) -> str:
    if len(seen) > 1:
        return _BOTH
    return _SILENT if not seen else _GOOD if True in seen else _BAD
