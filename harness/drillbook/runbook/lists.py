"""Which lists of a document instruct: those whose items are things to do, in the order given.

It judges whole lists, because an item alone seldom tells.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from drillbook.runbook.document import Document, Heading, Prose
from drillbook.runbook.prose import is_instruction, is_silent, leads_elsewhere, leads_to_steps


@dataclass(slots=True)
class _List:
    ordered: bool
    lead: str
    heading: str
    items: list[Prose] = field(default_factory=list)


def instructing_groups(document: Document, reserved: frozenset[int]) -> frozenset[int]:
    """The numbers of the lists whose items are manual steps; `reserved` lines are left out of the judgement."""
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
                group = lists.setdefault(item.group, _List(item.ordered, lead, heading))
                opening[id(item)] = element
                if element.line not in reserved:
                    group.items.append(element)
            last = element if item is None else last
        else:
            last = None
    return frozenset(number for number, group in lists.items() if group.items and _instructs(group))


def _instructs(group: _List) -> bool:
    if all(item.inline.link_only for item in group.items) or leads_elsewhere(group.lead):
        return False
    if is_silent(group.heading) and not leads_to_steps(group.lead):
        return False
    imperative = sum(is_instruction(item.inline.text) for item in group.items)
    if group.ordered or leads_to_steps(group.lead):
        return True
    if leads_to_steps(group.heading) and not leads_elsewhere(group.heading) and not group.lead:
        return True
    return imperative * 2 >= len(group.items)


def items_by_group(document: Document) -> dict[int, list[Prose]]:
    """The opening paragraphs of the items of each list, by the list's number."""
    groups: defaultdict[int, list[Prose]] = defaultdict(list)
    for element in document.elements:
        if isinstance(element, Prose) and element.item is not None and element.opens:
            groups[element.item.group].append(element)
    return dict(groups)
