"""Which lists of a document instruct: those whose items are things to do, in the order given.

It judges whole lists, because an item alone seldom tells.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from drillbook.runbook.document import Document, Heading, Prose
from drillbook.runbook.prose import is_describing, is_instruction, is_silent, leads_elsewhere, leads_to_steps


@dataclass(slots=True)
class _List:
    ordered: bool
    lead: str
    heading: str
    items: list[Prose] = field(default_factory=list)


def instructing_groups(document: Document, reserved: frozenset[int]) -> frozenset[int]:
    """The numbers of the lists whose items are manual steps; `reserved` lines have no say in it."""
    lists: dict[int, _List] = {}
    opening: dict[int, Prose] = {}
    last: Prose | None = None
    heading = ""
    for element in document.elements:
        if isinstance(element, Heading):
            heading, last = element.section.title, None
            continue
        if isinstance(element, Prose):
            item = element.item
            if item is not None and element.opens:
                parent = opening.get(id(item.parent)) if item.parent else last
                lead = parent.inline.text if parent is not None else ""
                group = lists.setdefault(
                    item.group, _List(item.ordered, lead, "" if item.parent else heading)
                )
                opening[id(item)] = element
                if element.line not in reserved:
                    group.items.append(element)
            last = element if item is None else last
        else:
            last = None
    return frozenset(number for number, group in lists.items() if group.items and _instructs(group))


def _instructs(group: _List) -> bool:
    if all(item.inline.link_only for item in group.items):
        return False
    imperative = sum(is_instruction(item.inline.text) for item in group.items)
    mostly = imperative * 2 >= len(group.items)
    if leads_elsewhere(group.lead):
        return group.ordered and mostly
    if leads_to_steps(group.lead):
        return True
    if is_silent(group.heading) or (is_describing(group.heading) and not group.ordered):
        return False
    by_heading = leads_to_steps(group.heading) and not group.lead
    return group.ordered or by_heading or mostly
